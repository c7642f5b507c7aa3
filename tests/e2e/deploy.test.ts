import type { Page } from "playwright-core";
import { unique } from "./installation";
import { choose, expect, press, tabTo, test, toHaveFocus } from "./support";

const go = (page: Page) => page.getByRole("button", { name: "Continue" });
const state = (page: Page, word: string) =>
  page.getByRole("banner").or(page.locator("main")).getByText(word, { exact: true }).first();

test("a version is deployed by the wizard, becomes healthy, is scaled, stopped, started and deleted", async ({
  visit,
  page,
  installation,
}) => {
  visit.allow(/status of 404/); // the page may hear that it goes and ask for it once more
  const model = await installation.model();
  await visit.open("/deployments");
  await page.getByRole("row", { name: /digits.*Healthy/ }).waitFor();
  await visit.inspect();

  await visit.open(`/registry/${model}`);
  await page.getByRole("link", { name: "Deploy", exact: true }).click();
  await page.getByRole("heading", { name: "What is deployed?" }).waitFor();
  await page.getByText("This version is not approved").waitFor();
  await visit.inspect();
  const name = page.getByLabel("Name of the deployment");
  await name.fill("Not A Name");
  await go(page).click();
  await expect.poll(() => name.getAttribute("aria-invalid")).toBe("true");
  await name.fill(model);
  await go(page).click();

  await page.getByRole("heading", { name: "Where does it run?" }).waitFor();
  await expect.poll(() => page.getByRole("radio", { name: /^local/ }).isChecked()).toBe(true);
  await visit.inspect();
  await go(page).click();

  await page.getByRole("heading", { name: "How is it served?" }).waitFor();
  await expect.poll(() => page.getByRole("radio", { name: /^ONNX Runtime/ }).isChecked()).toBe(true);
  await visit.inspect();
  await go(page).click();
  await page.getByRole("heading", { name: "Review and deploy" }).waitFor();
  await visit.inspect();
  await page.getByRole("button", { name: "Edit Target" }).click();
  await page.getByRole("heading", { name: "Where does it run?" }).waitFor();
  await go(page).click();
  await go(page).click();
  await page.getByRole("button", { name: "Deploy", exact: true }).click();

  await page.getByRole("heading", { level: 1, name: model }).waitFor();
  await state(page, "Healthy").waitFor({ timeout: 60_000 });
  await visit.inspect();
  for (const tab of ["Replicas", "Events", "Configuration"]) {
    await page.getByRole("tab", { name: tab }).click();
    await page.getByRole("tabpanel", { name: tab }).getByRole("region").first().waitFor();
    await visit.inspect();
  }

  await page.getByRole("button", { name: "Scale" }).click();
  const dialog = page.getByRole("dialog", { name: `Scale ${model}` });
  await dialog.getByLabel("Replicas").fill("2");
  await visit.inspect();
  await dialog.getByRole("button", { name: "Scale" }).click();
  await page
    .getByText(/2 of 2 ready/)
    .first()
    .waitFor({ timeout: 60_000 });

  await page.getByRole("button", { name: `Actions for ${model}` }).click();
  await page.getByRole("menuitem", { name: "Stop" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Stop" }).click();
  await state(page, "Stopped").waitFor({ timeout: 60_000 });
  await visit.inspect();
  await page.getByRole("button", { name: "Start" }).click();
  await state(page, "Healthy").waitFor({ timeout: 60_000 });

  await page.getByRole("button", { name: `Actions for ${model}` }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  const question = page.getByRole("alertdialog", { name: `Delete ${model}?` });
  await question.getByRole("textbox").fill(model);
  await visit.inspect();
  await question.getByRole("button", { name: "Delete deployment" }).click();
  await page.getByRole("heading", { level: 1, name: "Deployments" }).waitFor();
  await page.getByRole("row", { name: new RegExp(model) }).waitFor({ state: "detached", timeout: 60_000 });
  await installation.gone(model);
});

test("one is deployed and deleted by keyboard alone, from nothing chosen", async ({ visit, page, installation }) => {
  visit.allow(/status of 404/);
  const model = await installation.model();
  await visit.open("/deployments");
  await page.keyboard.type("cd");
  await page.getByRole("heading", { name: "What is deployed?" }).waitFor();
  await tabTo(page, page.getByRole("combobox", { name: "Model" }));
  await page.keyboard.type(model);
  await page.getByRole("option", { name: new RegExp(model) }).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("radio", { name: /^v1/ }).waitFor();
  for (const heading of ["Where does it run?", "How is it served?", "Review and deploy"]) {
    await tabTo(page, go(page));
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: heading }).waitFor();
  }
  await tabTo(page, page.getByRole("button", { name: "Deploy", exact: true }));
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: model }).waitFor();
  await state(page, "Healthy").waitFor({ timeout: 60_000 });

  await tabTo(page, page.getByRole("button", { name: `Actions for ${model}` }));
  await page.keyboard.press("Enter");
  await choose(page, "Delete");
  await page.getByRole("alertdialog", { name: `Delete ${model}?` }).waitFor();
  await page.keyboard.type(model);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Deployments" }).waitFor();
  await installation.gone(model);
});

test("one is scaled, stopped and started by keyboard alone", async ({ visit, page, installation }) => {
  visit.allow(/status of 404/); // the page may hear that it goes and ask for it once more
  const name = `keys-${unique()}`;
  await installation.call("POST", "/api/v1/deployments", {
    name,
    model: "digits:v1",
    target: "local",
    environment: "development",
    visibility: "organization",
    replicas: 1,
  });
  await visit.open(`/deployments/${name}`);
  await state(page, "Healthy").waitFor({ timeout: 60_000 });

  const scale = page.getByRole("main").getByRole("button", { name: "Scale" });
  await press(page, scale);
  const dialog = page.getByRole("dialog", { name: `Scale ${name}` });
  await toHaveFocus(dialog.getByLabel("Replicas"));
  await page.keyboard.press("ArrowUp");
  await press(page, dialog.getByRole("button", { name: "Scale" }));
  await dialog.waitFor({ state: "detached" });
  await toHaveFocus(scale);
  await page
    .getByText(/2 of 2 ready/)
    .first()
    .waitFor({ timeout: 60_000 });

  const actions = page.getByRole("button", { name: `Actions for ${name}` });
  await press(page, actions);
  await choose(page, "Stop");
  const question = page.getByRole("alertdialog", { name: `Stop ${name}?` });
  await question.waitFor();
  await page.keyboard.press("Escape");
  await question.waitFor({ state: "detached" });
  await toHaveFocus(actions);
  await page.keyboard.press("Enter");
  await choose(page, "Stop");
  await press(page, question.getByRole("button", { name: "Stop" }));
  await question.waitFor({ state: "detached" });
  await toHaveFocus(actions);
  await state(page, "Stopped").waitFor({ timeout: 60_000 });

  await press(page, page.getByRole("button", { name: "Start" }));
  await state(page, "Healthy").waitFor({ timeout: 60_000 });
  // What could be started can now be scaled; the focus is still there, not at the top of the page.
  await toHaveFocus(scale);
  await installation.call("DELETE", `/api/v1/deployments/${name}`);
  await installation.gone(name);
});

test("a name that is taken is refused where it was typed", async ({ visit, page }) => {
  visit.allow(/status of 409/);
  await visit.open("/deployments/create?model=digits");
  for (let step = 0; step < 3; step++) await go(page).click();
  await page.getByRole("button", { name: "Deploy", exact: true }).click();
  await page
    .getByRole("alert")
    .filter({ hasText: /digits/ })
    .first()
    .waitFor();
  await visit.inspect();
});

test("what differs between revisions is shown before one goes back, by keyboard alone", async ({
  visit,
  page,
  installation,
}) => {
  visit.allow(/status of 404/);
  const name = `rev-${unique()}`;
  const deployment = {
    name,
    model: "digits:v1",
    target: "local",
    environment: "development",
    visibility: "organization",
    replicas: 1,
  };
  await installation.call("POST", "/api/v1/deployments", deployment);
  await installation.patch(`/api/v1/deployments/${name}`, { limits: { timeout_ms: 12_345 } });
  await visit.open(`/deployments/${name}?tab=revisions`);
  const diff = page.getByRole("region", { name: "Revision 1 to 2", exact: true });
  await diff.getByText(/12345/).first().waitFor();
  await visit.inspect();
  await tabTo(page, page.getByRole("button", { name: "Roll back to revision 1" }));
  await page.keyboard.press("Enter");
  const question = page.getByRole("alertdialog", { name: `Roll ${name} back to revision 1?` });
  await question
    .getByText("limits.timeout_ms")
    .or(question.getByText(/timeout_ms/))
    .first()
    .waitFor();
  await visit.inspect();
  await tabTo(page, question.getByRole("button", { name: "Roll back" }));
  await page.keyboard.press("Enter");
  await page.getByRole("listitem", { name: "Revision 1" }).getByText("Current").waitFor();
  await installation.call("DELETE", `/api/v1/deployments/${name}`);
  await installation.gone(name);
});
