// Runs first: the organization has one person, who has not used the first link yet.
import { choose, expect, tabTo, test } from "./support";

test("the link of the first start leads to a password and the home page, once", async ({ stranger, installation }) => {
  const printed = installation.places.output.match(/http:\/\/\S+\/modelops\/sign-in#token=\S+/)?.[0];
  expect(printed?.startsWith(installation.places.web)).toBe(true);
  stranger.allow(/status of 401/); // who asks for the session is not signed in yet
  const { page } = stranger;
  await page.goto(printed as string);
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  await stranger.inspect();
  await page.getByRole("button", { name: "Sign in" }).click();

  await page.getByRole("heading", { name: "Choose a password" }).waitFor();
  await stranger.inspect();
  await page.getByLabel("New password").fill("a horse that counts to nine");
  await page.getByRole("button", { name: "Set password" }).click();
  await page.getByRole("heading", { name: "Home" }).waitFor();
  const deployments = page.getByRole("region", { name: "Deployments" });
  await deployments.getByRole("row", { name: /digits Healthy/ }).waitFor();
  await stranger.inspect();

  await page.context().clearCookies();
  await page.goto("about:blank");
  await page.goto(printed as string);
  await page.getByRole("button", { name: "Sign in" }).click();
  await expect.poll(() => page.getByRole("alert").textContent()).toMatch(/used before or is too old/);
  await stranger.inspect();
});

test("an only person approves by keyboard alone, and it is recorded as that", async ({ visit, page, installation }) => {
  const model = await installation.model();
  await visit.open(`/registry/${model}?tab=versions`);
  await tabTo(page, page.getByRole("button", { name: "Actions for version 1" }));
  await page.keyboard.press("Enter");
  await choose(page, /Ask for approval/);
  await page.getByRole("dialog", { name: "Ask for approval of version 1" }).waitFor();
  await tabTo(page, page.getByRole("button", { name: "Ask for approval" }));
  await page.keyboard.press("Enter");
  await page.getByRole("region", { name: "Versions" }).getByText("Pending approval").waitFor();

  await page.keyboard.type("ga");
  await page.getByRole("heading", { level: 1, name: "Approvals" }).waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type(model);
  await page.keyboard.press("Enter");
  await page.getByRole("row", { name: new RegExp(model) }).waitFor();
  await visit.inspect();
  await tabTo(page, page.getByRole("row", { name: new RegExp(model) }));
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: `${model}:v1` });
  await dialog.getByText("You made this").waitFor();
  await tabTo(page, dialog.getByRole("button", { name: "Approve" }));
  await page.keyboard.press("Enter");
  await dialog.waitFor({ state: "detached" });
  await visit.open(`/registry/${model}?tab=versions`);
  await page.getByText("by its author").waitFor();
});

test("a deep link survives a reload", async ({ visit }) => {
  await visit.open("/targets/local");
  await visit.page.reload();
  await visit.page.getByRole("heading", { level: 1, name: "local" }).waitFor();
});
