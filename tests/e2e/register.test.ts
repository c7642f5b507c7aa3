import { readFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { digitsFile, unique } from "./installation";
import { expect, tabTo, test } from "./support";

const evidence = (page: Page) => page.getByRole("complementary", { name: "Source analysis" });
const go = (page: Page) => page.getByRole("button", { name: "Continue" });

/** A real drop: the event's transfer holds a file that the page reads. */
async function drop(page: Page, name: string, content: Buffer): Promise<void> {
  const transfer = await page.evaluateHandle(
    ([file, base64]) => {
      const bytes = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
      const made = new DataTransfer();
      made.items.add(new File([bytes], file));
      return made;
    },
    [name, content.toString("base64")] as const,
  );
  const area = page.getByText("Drag files or a folder here");
  await area.dispatchEvent("dragover", { dataTransfer: transfer });
  await area.dispatchEvent("drop", { dataTransfer: transfer });
}

test("a dropped file is analysed, and becomes a model with a version in four steps", async ({ visit, page }) => {
  const name = `dropped-${unique()}`;
  await visit.open("/register-model");
  await visit.inspect();
  await expect.poll(() => go(page).getAttribute("aria-disabled")).toBe("true");
  await page.getByText("Choose the model's files first.").waitFor();

  await drop(page, "digits.onnx", await readFile(digitsFile));
  await evidence(page).getByText("ONNX Runtime").waitFor();
  await evidence(page).getByText("pixels").waitFor();
  await visit.inspect();
  await go(page).click();

  // Each step says what is missing before the next one opens.
  await page.getByRole("heading", { name: "How will people find it?" }).waitFor();
  const field = page.getByRole("textbox", { name: "Name", exact: true });
  await expect.poll(() => field.inputValue()).not.toBe("");
  await field.fill("Not A Name");
  await go(page).click();
  await expect.poll(() => field.getAttribute("aria-invalid")).toBe("true");
  await expect.poll(() => field.evaluate((box) => box === document.activeElement)).toBe(true);
  await visit.inspect();
  await field.fill(name);
  await page.getByRole("textbox", { name: "Tags" }).fill("task=digits");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Remove task=digits" }).waitFor();

  // The draft survives a reload, the uploaded files too.
  await expect
    .poll(() => page.evaluate((wanted) => JSON.stringify({ ...localStorage }).includes(wanted), name))
    .toBe(true);
  await page.reload();
  await page.getByRole("heading", { name: "How will people find it?" }).waitFor();
  await expect.poll(() => field.inputValue()).toBe(name);
  await page.getByRole("button", { name: "Remove task=digits" }).waitFor();
  await evidence(page).getByText("ONNX Runtime").waitFor();
  await go(page).click();

  await page.getByRole("heading", { name: "How is it served?" }).waitFor();
  await expect.poll(() => page.getByRole("radio", { name: /^ONNX Runtime/ }).isChecked()).toBe(true);
  await expect.poll(() => page.getByRole("radio", { name: /^llama.cpp/ }).isDisabled()).toBe(true);
  await visit.inspect();
  await go(page).click();

  // The review leads back to each section.
  await page.getByRole("heading", { name: "Review and register" }).waitFor();
  await visit.inspect();
  await page.getByRole("button", { name: "Edit Identity" }).click();
  await page.getByRole("textbox", { name: "Display name" }).fill("Dropped digits");
  await go(page).click();
  await go(page).click();
  await page.getByRole("region", { name: "Identity" }).getByText("Dropped digits").waitFor();
  await page.getByRole("button", { name: "Register model" }).click();

  await page.getByRole("heading", { level: 1, name: "Dropped digits" }).waitFor();
  await page.getByRole("region", { name: "Versions" }).getByText("v1", { exact: true }).waitFor();
  await visit.inspect();
});

test("by keyboard alone, with files from the file chooser", async ({ visit, page }) => {
  const name = `chosen-${unique()}`;
  page.on("filechooser", (chooser) => chooser.setFiles(digitsFile));
  await visit.open("/registry");
  await page.keyboard.type("cm");
  await page.getByRole("heading", { name: "Where does the model come from?" }).waitFor();
  await tabTo(page, page.getByRole("button", { name: "Choose files" }));
  await page.keyboard.press("Enter");
  await evidence(page).getByText("ONNX Runtime").waitFor();
  await tabTo(page, go(page));
  await page.keyboard.press("Enter");

  const field = page.getByRole("textbox", { name: "Name", exact: true });
  await tabTo(page, field);
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type(name);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "How is it served?" }).waitFor();
  await tabTo(page, go(page));
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Review and register" }).waitFor();
  await tabTo(page, page.getByRole("button", { name: "Register model" }));
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name }).waitFor();
});

test("what one should beware of stands beside the files", async ({ visit, page }) => {
  await visit.open("/register-model");
  // A pickle may run anything when it is loaded: this one calls os.system.
  const pickle = Buffer.from("cos\nsystem\n(S'echo hello'\ntR.");
  await page.getByTestId("files").setInputFiles([
    { name: "model.pkl", mimeType: "application/octet-stream", buffer: pickle },
    { name: "digits.onnx", mimeType: "application/octet-stream", buffer: await readFile(digitsFile) },
  ]);
  const warnings = evidence(page).getByRole("list", { name: "Warnings of the analysis" });
  await warnings.getByText("model.pkl").first().waitFor();
  await visit.inspect();
});

test("a truncated file says at which place it breaks off, and what was typed is kept", async ({ visit, page }) => {
  await visit.open("/register-model");
  const whole = await readFile(digitsFile);
  await page.getByTestId("files").setInputFiles({
    name: "broken.onnx",
    mimeType: "application/octet-stream",
    buffer: whole.subarray(0, whole.length >> 1),
  });
  const panel = evidence(page);
  await panel.getByText("The files could not be read").waitFor();
  await expect.poll(() => panel.textContent()).toMatch(/broken\.onnx/);
  await expect.poll(() => panel.textContent()).toMatch(/byte|offset/i);
  await expect.poll(() => go(page).getAttribute("aria-disabled")).toBe("true");
  await visit.inspect();

  await page.getByTestId("files").setInputFiles(digitsFile);
  await page.getByRole("button", { name: "Remove broken.onnx" }).click();
  await panel.getByText("ONNX Runtime").waitFor();
});

test("a name that is taken is refused at its field", async ({ visit, page }) => {
  visit.allow(/status of 409/);
  await visit.open("/register-model");
  await page.getByTestId("files").setInputFiles(digitsFile);
  await evidence(page).getByText("ONNX Runtime").waitFor();
  await go(page).click();
  await page.getByRole("textbox", { name: "Name", exact: true }).fill("digits");
  await go(page).click();
  await go(page).click();
  await page.getByRole("button", { name: "Register model" }).click();
  await page
    .getByRole("alert")
    .filter({ hasText: /digits/ })
    .first()
    .waitFor();
  await visit.inspect();
});
