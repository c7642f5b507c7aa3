import { unique } from "./installation";
import { expect, test } from "./support";

test("filters stand in the address, rows answer to j, k and Enter", async ({ visit, page, installation }) => {
  const mark = unique();
  for (const name of ["alpha", "beta", "gamma"])
    await installation.model({ name: `${name}-${mark}`, tags: [`batch=${mark}`] });
  await visit.open("/registry");
  await visit.inspect();
  await page.keyboard.press("/");
  await page.keyboard.type(mark);
  const grid = page.getByRole("grid", { name: "Models" });
  const search = page.getByRole("search");
  await expect.poll(() => search.getByRole("status").textContent()).toBe("3 models");
  await expect.poll(() => page.url()).toContain(`q=${mark}`);

  await page.getByRole("columnheader", { name: "Model" }).getByRole("button").click();
  await expect.poll(() => grid.getByRole("row").nth(1).textContent()).toContain("alpha");
  await page.reload();
  await expect.poll(() => grid.getByRole("row").nth(1).textContent()).toContain("alpha");
  await grid.getByRole("row").nth(1).focus();
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("k");
  await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toContain(`beta-${mark}`);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: `beta-${mark}` }).waitFor();
  await page.goBack();
  await expect.poll(() => search.getByRole("status").textContent()).toBe("3 models");

  await page
    .getByRole("link", { name: `Only models tagged batch=${mark}` })
    .first()
    .click();
  await page.getByText("Tagged").waitFor();
  await page.getByRole("button", { name: "Interface" }).click();
  await page.getByRole("menuitemcheckbox", { name: /Chat/ }).click();
  await page.keyboard.press("Escape");
  await page.getByText("No model matches these filters").waitFor();
  await visit.inspect();
  await page.getByRole("button", { name: "Clear all" }).first().click();
  await page.getByRole("row", { name: /Gemma 3 270M/ }).waitFor();

  await page.getByRole("combobox", { name: "Scope" }).click();
  await page.getByRole("option", { name: "Public models" }).click();
  await page.getByText("No model is public").waitFor();
  await visit.inspect();
});

test("a model goes once its name is typed, and one in use says by what", async ({ visit, page, installation }) => {
  const model = await installation.model();
  await visit.open("/registry/digits");
  await page.getByRole("button", { name: "Actions for digits" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await page.getByRole("dialog", { name: "digits is in use" }).getByRole("link", { name: "digits" }).waitFor();
  await visit.inspect();
  await page.keyboard.press("Escape");

  await visit.open(`/registry/${model}`);
  await page.getByRole("button", { name: `Actions for ${model}` }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  const question = page.getByRole("alertdialog", { name: `Delete ${model}?` });
  await question.waitFor();
  await visit.inspect();
  await expect.poll(() => question.getByRole("button", { name: "Delete model" }).isDisabled()).toBe(true);
  await question.getByRole("textbox").fill(model);
  await question.getByRole("button", { name: "Delete model" }).click();
  await page.getByRole("heading", { level: 1, name: "Model registry" }).waitFor();
  visit.allow(/status of 404/);
  await visit.open(`/registry/${model}`);
  await page.getByText("There is no such model").waitFor();
  await visit.inspect();
});
