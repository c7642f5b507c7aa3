import { expect, tabTo, test } from "./support";

test("a log is followed, searched, filtered and paused, by keyboard alone", async ({ visit, page, installation }) => {
  await visit.open("/deployments/digits");
  await tabTo(page, page.getByRole("tab", { name: "Overview" }));
  for (let presses = 0; presses < 4; presses++) await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  const log = page.getByRole("log", { name: "Log of digits" });
  await log.getByText(/./).first().waitFor();
  await visit.inspect();
  await page.getByRole("button", { name: "Following" }).waitFor();

  await page.keyboard.press("/");
  await page.keyboard.type("e");
  await page.keyboard.press("Enter");
  await expect
    .poll(() =>
      page
        .getByRole("status")
        .filter({ hasText: /^\d+ of \d+$/ })
        .count(),
    )
    .toBe(1);
  await log.locator("mark").first().waitFor();
  await visit.inspect();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("no line says this");
  await page.getByText("No match").waitFor();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.press("Backspace");

  await tabTo(page, page.getByRole("button", { name: "Pause" }));
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Resume" }).waitFor();
  await installation.call("POST", "/api/v1/deployments/digits/restart", {});
  await page.getByText("Paused. New lines wait").waitFor({ timeout: 60_000 });
  await visit.inspect();
  await page.keyboard.press("p");
  await page.getByText("Paused. New lines wait").waitFor({ state: "detached" });
  await page.getByText("Healthy", { exact: true }).first().waitFor({ timeout: 60_000 });
});
