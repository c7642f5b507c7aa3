import { press, tabTo, test } from "./support";

test("a call is followed to where its time went, by keyboard alone", async ({ visit, page }) => {
  visit.allow(/status of 404/); // its gateway tells of it within a few seconds
  await visit.open("/deployments/digits?tab=try");
  await page.getByRole("button", { name: "As JSON" }).click();
  await press(page, page.getByRole("button", { name: "Ask" }));
  await press(page, page.getByRole("link", { name: "Where the time went" }));
  const parts = page.getByRole("region", { name: "Where the time went" });
  await parts.waitFor();
  // The engine said itself how long it queued and ran.
  const run = parts.getByRole("button", { name: /^engine run/ });
  await press(page, run);
  await page.getByText("Server-Timing").waitFor();
  await visit.inspect();
  await press(page, page.getByRole("link", { name: "All requests" }));
  const grid = page.getByRole("grid", { name: "Requests" });
  await grid.getByText("POST /serve/default/digits").first().waitFor();
  await visit.inspect();
});

test("requests that failed are found, and say why", async ({ visit, page }) => {
  visit.allow(/status of 400/);
  await visit.open("/deployments/digits?tab=try");
  await page.getByRole("button", { name: "As JSON" }).click();
  await page.getByLabel("Request").fill('{"inputs":[]}');
  await page.getByRole("button", { name: "Ask" }).click();
  const shown = await page
    .getByRole("alert")
    .getByRole("button", { name: /^Copy / })
    .textContent();
  await visit.open(`/deployments/digits?tab=requests&q=${shown?.replace("Copy ", "")}`);
  const row = page.getByRole("grid", { name: "Requests" }).getByRole("row", { name: /Refused, 400/ });
  await row.waitFor();
  await tabTo(page, page.getByRole("searchbox", { name: "Find a request" }));
  await row.click();
  await page.getByRole("region", { name: "Request" }).getByText("Refused, 400").waitFor();
  await visit.inspect();
});
