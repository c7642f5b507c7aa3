import { expect, test } from "./support";

test("the palette finds pages, actions and objects", async ({ visit, page }) => {
  await visit.open("");
  await page.keyboard.press("ControlOrMeta+k");
  const palette = page.getByRole("dialog", { name: "Command palette" });
  await palette.waitFor();
  await visit.inspect();
  await page.keyboard.type("gemma");
  await palette.getByRole("option", { name: /Gemma 3 270M/ }).waitFor();
  await visit.inspect();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("register");
  await palette.getByRole("option", { name: /Register model/ }).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Register model" }).waitFor();
});

test("the sheet of shortcuts names them, and chords lead to pages", async ({ visit, page }) => {
  await visit.open("");
  await page.keyboard.press("?");
  const sheet = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await sheet.getByText("Register model").waitFor();
  await visit.inspect();
  await page.keyboard.press("Escape");
  await sheet.waitFor({ state: "detached" });
  for (const [key, heading] of [
    ["r", "Model registry"],
    ["d", "Deployments"],
    ["t", "Targets"],
    ["a", "Approvals"],
    ["h", "Home"],
  ] as const) {
    await page.keyboard.type(`g${key}`);
    await page.getByRole("heading", { level: 1, name: heading }).waitFor();
    await expect.poll(() => page.title()).toContain("ModelOps");
  }
});

test("the theme follows the system until it is chosen, and the choice survives a reload", async ({ visit, page }) => {
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  await page.emulateMedia({ colorScheme: "dark" });
  await visit.open("");
  expect(await theme()).toBe("dark");
  await page.keyboard.press("Shift+T");
  await expect.poll(theme).toBe("light");
  await page.reload();
  await page.getByRole("heading", { level: 1 }).waitFor();
  expect(await theme()).toBe("light");
});

test("on a narrow window the menu opens above the page", async ({ visit, page }) => {
  await page.setViewportSize({ width: 390, height: 800 });
  await visit.open("");
  await page.getByRole("button", { name: "Open the menu" }).click();
  const menu = page.getByRole("dialog", { name: "Menu" });
  await menu.getByRole("link", { name: "Targets" }).waitFor();
  await visit.expectAccessible();
  await menu.getByRole("link", { name: "Targets" }).click();
  await page.getByRole("heading", { level: 1, name: "Targets" }).waitFor();
  await menu.waitFor({ state: "detached" });
});

test("the jobs that one began are in the tray", async ({ visit, page, installation }) => {
  await installation.model();
  await visit.open("");
  await page.getByRole("button", { name: /^Your jobs/ }).click();
  await page.getByRole("dialog", { name: "Your jobs" }).getByRole("list").waitFor();
  await visit.inspect();
});

test("a page that there is not says so", async ({ visit, page }) => {
  await visit.open("/nowhere");
  await page.getByRole("heading", { name: "There is no such page" }).waitFor();
  await visit.inspect();
});

test("a server that is gone, and comes back: what was shown stays, and says how fresh it is", async ({
  visit,
  page,
  installation,
}) => {
  visit.allow(/ERR_|status of 50\d|No answer came/);
  await visit.open("/registry");
  await page.getByRole("row", { name: /Gemma 3 270M/ }).waitFor();
  const freshness = page.getByRole("status", { name: "Freshness of this page" });
  await expect.poll(() => freshness.textContent()).toBe("Live");
  await installation.signal("serve", "SIGKILL");
  try {
    await expect.poll(() => freshness.textContent(), { timeout: 30_000 }).toMatch(/Reconnecting|Stale since/);
    expect(await page.getByRole("row", { name: /Gemma 3 270M/ }).count()).toBe(1);
    await visit.inspect();
    // A page that was not loaded before cannot come, and says so within the shell.
    await page.keyboard.type("gt");
    await page.getByText("The server cannot be reached").first().waitFor({ timeout: 30_000 });
    await visit.inspect();
  } finally {
    await installation.up();
  }
  await page.getByRole("button", { name: "Retry" }).click();
  await page.getByRole("row", { name: /local/ }).waitFor();
  await expect.poll(() => freshness.textContent(), { timeout: 40_000 }).toBe("Live");
});

test("a server that hangs is not taken for a live one", async ({ visit, page, installation }) => {
  visit.allow(/ERR_/);
  await visit.open("/registry");
  const freshness = page.getByRole("status", { name: "Freshness of this page" });
  await expect.poll(() => freshness.textContent()).toBe("Live");
  await installation.signal("serve", "SIGSTOP");
  try {
    await expect.poll(() => freshness.textContent(), { timeout: 40_000 }).toMatch(/Reconnecting|Stale since/);
  } finally {
    await installation.signal("serve", "SIGCONT");
  }
  await expect.poll(() => freshness.textContent(), { timeout: 40_000 }).toBe("Live");
});
