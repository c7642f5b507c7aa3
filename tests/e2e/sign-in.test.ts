import { expect, tabTo, test } from "./support";

test("with an address and a password by keyboard alone, to the page that was asked for, and out again", async ({
  stranger,
  installation,
}) => {
  const person = await installation.person("viewer", "Vera Lind");
  stranger.allow(/status of 401/);
  const { page } = stranger;
  await stranger.open("/targets?q=local");
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await stranger.inspect();
  await expect
    .poll(() => page.getByLabel("E-mail address").evaluate((box) => box === document.activeElement))
    .toBe(true);
  await page.keyboard.type(person.email);
  await page.keyboard.press("Tab");
  await page.keyboard.type(person.password);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Targets" }).waitFor();
  expect(await page.getByRole("searchbox", { name: "Filter targets" }).inputValue()).toBe("local");

  await tabTo(page, page.getByRole("button", { name: "Account of Vera Lind" }));
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: "Sign out" }).waitFor();
  await stranger.inspect();
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.goBack();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
});

test("a wrong password says so, and after several attempts how long to wait", async ({ stranger, installation }) => {
  const person = await installation.person("viewer");
  stranger.allow(/status of 4(01|29)/);
  const { page } = stranger;
  await stranger.open("/sign-in");
  await page.getByLabel("E-mail address").fill(person.email);
  const alert = page.getByRole("alert");
  const button = page.getByRole("button", { name: "Sign in" });
  for (let attempt = 1; attempt <= 5; attempt++) {
    await page.getByLabel("Password").fill(`guess ${attempt}`);
    const answer = page.waitForResponse((response) => response.request().method() === "POST");
    await button.click();
    expect((await answer).status()).toBe(401);
    await expect.poll(() => alert.textContent()).toMatch(/password or the organization is wrong/);
  }
  await page.getByLabel("Password").fill(person.password);
  await button.click();
  await expect.poll(() => alert.textContent()).toMatch(/You can try again in \d+ s/);
  await stranger.inspect();
  await page.waitForFunction(() => !document.querySelector("form [aria-disabled=true]"));
  await button.click();
  await page.getByRole("heading", { name: "Home" }).waitFor();
});

test("a session that ends over a page asks again and keeps what was typed", async ({ stranger, installation }) => {
  const person = await installation.person("data-scientist", "Noor Haddad");
  stranger.allow(/status of 401/);
  const { page } = stranger;
  await stranger.open("/sign-in");
  const signIn = async () => {
    await page.getByLabel("E-mail address").fill(person.email);
    await page.getByLabel("Password").fill(person.password);
    await page.getByRole("button", { name: "Sign in" }).click();
  };
  await signIn();
  await page.getByRole("heading", { name: "Home" }).waitFor();
  await stranger.open("/settings/api-keys");
  await page.getByRole("button", { name: "Create API key" }).first().click();
  const dialog = page.getByRole("dialog", { name: "Create API key" });
  await dialog.getByLabel("What it is for").fill("nightly evaluation");
  await page.context().clearCookies();
  await dialog.getByRole("button", { name: "Create key" }).click();
  await page.getByRole("dialog", { name: "Sign in again" }).waitFor();
  await stranger.expectAccessible();
  await signIn();
  await page.getByRole("dialog", { name: "Sign in again" }).waitFor({ state: "detached" });
  expect(await dialog.getByLabel("What it is for").inputValue()).toBe("nightly evaluation");
  await dialog.getByRole("button", { name: "Create key" }).click();
  await page.getByRole("dialog", { name: "API key nightly evaluation" }).waitFor();
});
