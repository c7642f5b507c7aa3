import { unique } from "./installation";
import { choose, expect, tabTo, test } from "./support";

test("the local target shows its machine, its engines and what runs on it", async ({ visit, page }) => {
  await visit.open("/targets");
  await page.getByRole("row", { name: /local.*Online/ }).waitFor();
  await visit.inspect();
  await page.getByRole("row", { name: /local.*Online/ }).click();
  await page.getByRole("heading", { level: 1, name: "local" }).waitFor();
  await page.getByRole("region", { name: "Engines" }).getByText("llama.cpp").waitFor();
  await page.getByRole("region", { name: "Deployments" }).getByText("gemma-3-270m", { exact: true }).waitFor();
  await visit.inspect();
});

test("a machine is added by keyboard alone, labelled, and revoked", async ({ visit, page }) => {
  const name = `rack-${unique()}`;
  await visit.open("/targets");
  await tabTo(page, page.getByRole("button", { name: "Add target" }).first());
  await page.keyboard.press("Enter");
  await tabTo(page, page.getByRole("dialog", { name: "Add target" }).getByLabel("Name"));
  await page.keyboard.type(name);
  await page.keyboard.press("Enter");
  const once = page.getByRole("dialog", { name: `Start the agent of ${name}` });
  await once.getByText(/MODELOPS_ENROLLMENT_TOKEN=/).waitFor();
  await visit.inspect();
  await tabTo(page, once.getByRole("button", { name: "Done" }));
  await page.keyboard.press("Enter");
  await page.keyboard.press("/");
  await page.keyboard.type(name);
  const row = page.getByRole("row", { name: new RegExp(`${name}.*Waiting to enroll`) });
  await row.waitFor();
  await tabTo(page, row);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name }).waitFor();
  await visit.inspect();

  const actions = page.getByRole("button", { name: `Actions for ${name}` });
  await tabTo(page, actions);
  await page.keyboard.press("Enter");
  await choose(page, "Labels");
  const labels = page.getByRole("dialog", { name: `Labels of ${name}` });
  await labels.waitFor();
  await visit.inspect();
  await tabTo(page, labels.getByRole("button", { name: /^Add/ }));
  await page.keyboard.press("Enter");
  const [key, value] = [labels.getByRole("textbox").nth(0), labels.getByRole("textbox").nth(1)];
  await expect.poll(() => key.evaluate((box) => box === document.activeElement)).toBe(true);
  await page.keyboard.type("gpu");
  await tabTo(page, value);
  await page.keyboard.type("l4");
  await tabTo(page, labels.getByRole("button", { name: "Save" }));
  await page.keyboard.press("Enter");
  await labels.waitFor({ state: "detached" });
  await page.getByRole("region", { name: "Machine" }).getByText("gpu=l4").waitFor();

  await tabTo(page, actions);
  await page.keyboard.press("Enter");
  await choose(page, "Revoke");
  await page.getByRole("alertdialog", { name: `Revoke ${name}?` }).waitFor();
  await visit.inspect();
  await tabTo(page, page.getByRole("alertdialog").getByRole("textbox"));
  await page.keyboard.type(name);
  await page.keyboard.press("Enter");
  await page.getByText("Its agent was revoked").waitFor();
  await expect.poll(() => page.getByRole("alertdialog").count()).toBe(0);
});

test("a gateway is added", async ({ visit, page }) => {
  const name = `edge-${unique()}`;
  await visit.open("/targets");
  const gateways = page.getByRole("region", { name: "Gateways" });
  await gateways.getByText("local").waitFor();
  await gateways.getByRole("button", { name: "Add gateway" }).click();
  await page.getByRole("dialog", { name: "Add gateway" }).getByLabel("Name").fill(name);
  await page.getByRole("dialog", { name: "Add gateway" }).getByRole("button", { name: "Add gateway" }).click();
  await page.getByRole("dialog", { name: `Start the gateway of ${name}` }).waitFor();
  await visit.inspect();
  await page.getByRole("button", { name: "Done" }).click();
  await gateways.getByText(name).waitFor();
});
