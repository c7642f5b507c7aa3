import { readFile } from "node:fs/promises";
import { describedAs, digitsFile } from "./installation";
import { choose, expect, press, tabTo, test, toHaveFocus } from "./support";

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

test("a version is created by keyboard alone, with files from the file chooser", async ({
  visit,
  page,
  installation,
}) => {
  const model = await installation.model();
  const changed = {
    name: "digits.onnx",
    mimeType: "application/octet-stream",
    buffer: Buffer.concat([await readFile(digitsFile), describedAs("by keyboard")]),
  };
  page.on("filechooser", (chooser) => chooser.setFiles(changed));
  await visit.open(`/registry/${model}`);
  await press(page, page.getByRole("link", { name: "Create version" }));
  await page.getByRole("heading", { name: `Create a version of ${model}` }).waitFor();
  await press(page, page.getByRole("button", { name: "Choose files" }));
  await page.getByRole("complementary", { name: "Source analysis" }).getByText("ONNX Runtime").waitFor();
  await tabTo(page, page.getByLabel("What changed?"));
  await page.keyboard.type("Trained by keyboard");
  await press(page, page.getByRole("button", { name: "Create version" }));
  const versions = page.getByRole("region", { name: "Versions" });
  await versions.getByText("Trained by keyboard").waitFor();
  await versions.getByText("v2", { exact: true }).waitFor();

  // An alias is set and removed again; the focus comes back to where each dialog was opened from.
  const actions = page.getByRole("button", { name: "Actions for version 2" });
  await press(page, actions);
  await choose(page, "Set an alias");
  await toHaveFocus(page.getByRole("dialog", { name: "Set an alias of version 2" }).getByLabel("Alias"));
  await page.keyboard.type("champion");
  await page.keyboard.press("Enter");
  const remove = page.getByRole("button", { name: "Remove the alias champion" });
  await remove.waitFor();
  await toHaveFocus(actions);
  await press(page, remove);
  await page.getByRole("alertdialog", { name: "Remove the alias champion?" }).waitFor();
  await page.keyboard.press("Escape");
  await toHaveFocus(remove);
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

test("two people who edit one model by keyboard alone compare, choose, and come back to where they were", async ({
  visitor,
  installation,
}) => {
  const model = await installation.model();
  const [ada, bela] = [
    await visitor(await installation.invite("data-scientist", "Ada")),
    await visitor(await installation.invite("data-scientist", "Bela")),
  ];
  const actions = ({ page }: typeof ada) => page.getByRole("button", { name: `Actions for ${model}` });
  const dialog = ({ page }: typeof ada) => page.getByRole("dialog", { name: `Edit ${model}` });
  for (const one of [ada, bela]) {
    await one.open(`/registry/${model}`);
    await press(one.page, actions(one));
    await choose(one.page, "Edit");
    await toHaveFocus(dialog(one).getByLabel("Display name"));
  }
  const describe = async (one: typeof ada, words: string) => {
    await tabTo(one.page, dialog(one).getByLabel("Description"));
    await one.page.keyboard.type(words);
    await press(one.page, dialog(one).getByRole("button", { name: "Save" }));
  };
  await describe(ada, "Ada's words");
  await dialog(ada).waitFor({ state: "detached" });
  await toHaveFocus(actions(ada));

  bela.allow(/status of 412/);
  await bela.page.keyboard.press("ControlOrMeta+a");
  await bela.page.keyboard.type("Bela's name");
  await describe(bela, "Bela's words");
  const conflict = bela.page.getByRole("region", { name: "Conflicting changes" });
  await conflict.getByText("Ada's words").waitFor();
  // Nothing but what differs is asked about, and the keyboard is in the midst of it.
  await toHaveFocus(conflict.getByRole("button", { name: "Take all of theirs" }));
  const description = conflict.getByRole("group", { name: "Description" });
  await tabTo(bela.page, description.getByRole("radio", { name: /^Keep mine/ }));
  await bela.page.keyboard.press("ArrowLeft");
  await toHaveFocus(description.getByRole("radio", { name: /^Take theirs/ }));
  await press(bela.page, conflict.getByRole("button", { name: "Save" }));
  await dialog(bela).waitFor({ state: "detached" });
  await toHaveFocus(actions(bela));
  await bela.page.getByRole("heading", { level: 1, name: "Bela's name" }).waitFor();
  await bela.page.getByText("Ada's words").waitFor();
  expect(await bela.page.getByText("Bela's words").count()).toBe(0);
});
