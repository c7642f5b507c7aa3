import { readFile } from "node:fs/promises";
import { describedAs, digitsFile } from "./installation";
import { choose, expect, tabTo, test } from "./support";

test("other files become the next version", async ({ visit, page, installation }) => {
  const model = await installation.model();
  await visit.open(`/registry/${model}`);
  await page.getByRole("link", { name: "Create version" }).click();
  await page.getByRole("heading", { name: `Create a version of ${model}` }).waitFor();
  await visit.inspect();
  await page.getByTestId("files").setInputFiles({
    name: "digits.onnx",
    mimeType: "application/octet-stream",
    buffer: Buffer.concat([await readFile(digitsFile), describedAs("trained again")]),
  });
  await page.getByRole("complementary", { name: "Source analysis" }).getByText("ONNX Runtime").waitFor();
  await page.getByLabel("What changed?").fill("Trained again");
  await page.getByRole("button", { name: "Create version" }).click();
  const versions = page.getByRole("region", { name: "Versions" });
  await versions.getByText("Trained again").waitFor();
  await versions.getByText("v2", { exact: true }).waitFor();
  await visit.inspect();

  await page.getByRole("tab", { name: "Files" }).click();
  await page.getByText("digits.onnx").first().waitFor();
  await visit.inspect();
  await page.getByRole("tab", { name: "Activity" }).click();
  await page.getByText("made version 2").waitFor();
  await visit.inspect();
});

test("one asks for approval, another gives it, and an alias points to the version", async ({
  visitor,
  installation,
}) => {
  const model = await installation.model();
  const author = await visitor(await installation.invite("data-scientist", "Ada Author"));
  const decider = await visitor(await installation.invite("approver", "Otto Ok"));

  await author.open(`/registry/${model}?tab=versions`);
  await author.page.getByRole("button", { name: "Actions for version 1" }).click();
  await author.page.getByRole("menuitem", { name: /Ask for approval/ }).waitFor();
  await author.inspect();
  await author.page.getByRole("menuitem", { name: /Ask for approval/ }).click();
  await author.page.getByLabel("What should they know?").fill("97% of the held-out set");
  await author.inspect();
  await author.page.getByRole("button", { name: "Ask for approval" }).click();
  await author.page.getByRole("region", { name: "Versions" }).getByText("Pending approval").waitFor();

  await decider.open("");
  const attention = decider.page.getByRole("region", { name: "Needs attention" });
  await attention.getByRole("link", { name: `Review: ${model}:v1` }).click();
  const dialog = decider.page.getByRole("dialog", { name: `${model}:v1` });
  await dialog.getByText("97% of the held-out set").waitFor();
  await dialog.getByLabel("Why").fill("Checked it again");
  await decider.inspect();
  await dialog.getByRole("button", { name: "Approve" }).click();
  await dialog.waitFor({ state: "detached" });

  // The author's page hears of it by itself.
  await author.page.getByRole("region", { name: "Versions" }).getByText("Approved", { exact: true }).waitFor();
  const { page } = author;
  await tabTo(page, page.getByRole("button", { name: "Actions for version 1" }));
  await page.keyboard.press("Enter");
  await choose(page, "Set an alias");
  const naming = page.getByRole("dialog", { name: "Set an alias of version 1" });
  await tabTo(page, naming.locator("input").first());
  await page.keyboard.type("champion");
  await author.inspect();
  await page.keyboard.press("Enter");
  await author.page.getByRole("button", { name: "Remove the alias champion" }).waitFor();
});

test("two people who edit one model see each other's change before one is lost", async ({ visitor, installation }) => {
  const model = await installation.model();
  const [ada, bela] = [
    await visitor(await installation.invite("data-scientist", "Ada")),
    await visitor(await installation.invite("data-scientist", "Bela")),
  ];
  for (const { page } of [ada, bela]) {
    await (page === ada.page ? ada : bela).open(`/registry/${model}`);
    await page.getByRole("button", { name: `Actions for ${model}` }).click();
    await page.getByRole("menuitem", { name: "Edit" }).click();
    await page.getByRole("dialog", { name: `Edit ${model}` }).waitFor();
  }
  await ada.inspect();
  await ada.page.getByLabel("Description").fill("Ada's words");
  await ada.page.getByRole("button", { name: "Save" }).click();
  await ada.page.getByRole("dialog").waitFor({ state: "detached" });

  bela.allow(/status of 412/);
  await bela.page.getByLabel("Description").fill("Bela's words");
  await bela.page.getByLabel("Display name").fill("Bela's name");
  await bela.page.getByRole("button", { name: "Save" }).click();
  const conflict = bela.page.getByRole("region", { name: "Conflicting changes" });
  await conflict.getByText("Ada's words").waitFor();
  await bela.inspect();
  await conflict.getByRole("group", { name: "Description" }).getByText("Take theirs").click();
  await conflict.getByRole("button", { name: "Save" }).click();
  await bela.page.getByRole("dialog").waitFor({ state: "detached" });
  await bela.page.getByRole("heading", { level: 1, name: "Bela's name" }).waitFor();
  await bela.page.getByText("Ada's words").waitFor();
  expect(await bela.page.getByText("Bela's words").count()).toBe(0);
});
