import { expect, tabTo, test } from "./support";

test("what was done is found, and its proof holds in the browser", async ({ visit, page, installation }) => {
  const model = await installation.model();
  await visit.open("/audit");
  await page.getByText(/records? under one signed root/).waitFor();
  await visit.inspect();
  await page.getByRole("searchbox", { name: "Filter records" }).fill("model.create");
  const row = page.getByRole("row", { name: new RegExp(model) });
  await row.click();
  const dialog = page.getByRole("dialog", { name: "model.create" });
  const checks = dialog.getByRole("list", { name: "Checks" });
  await checks
    .getByText(/: yes$/)
    .first()
    .waitFor();
  expect(await checks.getByText(/: no$/).count()).toBe(0);
  await visit.inspect();
  await dialog.getByRole("button", { name: "Everything about it" }).click();
  await page.getByText("Only about").waitFor();
  await expect.poll(() => page.getByRole("row").count()).toBeGreaterThan(1);
  await visit.inspect();
});

test("refusals are found by keyboard alone", async ({ visit, page, installation }) => {
  const key = await installation.call<{ token: string }>("POST", "/api/v1/api-keys", {
    name: "narrow",
    scopes: ["models:read"],
  });
  const refused = await fetch(`${installation.places.api}/api/v1/models/digits`, {
    method: "DELETE",
    headers: { Authorization: `Bearer ${key.token}` },
  });
  expect(refused.status).toBe(403);
  await visit.open("/audit");
  await tabTo(page, page.getByRole("button", { name: "Outcome" }));
  await page.keyboard.press("Enter");
  await page.getByRole("menuitemcheckbox", { name: "Denied" }).waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await expect.poll(() => page.url()).toContain("denied");
  const row = page.getByRole("row").nth(1);
  await tabTo(page, row);
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByText("Denied").first().waitFor();
  await page.keyboard.press("Escape");
  await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
});
