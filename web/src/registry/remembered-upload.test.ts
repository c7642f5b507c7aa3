import { expect, test } from "vitest";
import { rememberedUpload } from "./remembered-upload";

const dropped = (path: string, content: string, lastModified = 1) => ({
  path,
  file: new File([content], path, { lastModified }),
});

test("an upload is found again by the very same files only", () => {
  const files = [dropped("model.onnx", "content"), dropped("config.json", "{}")];
  rememberedUpload.keep(files, "upl_1");
  expect(rememberedUpload.of([dropped("model.onnx", "content"), dropped("config.json", "{}")])).toBe("upl_1");
  expect(rememberedUpload.of([dropped("model.onnx", "longer content"), dropped("config.json", "{}")])).toBeNull();
  expect(rememberedUpload.of([dropped("model.onnx", "content", 2), dropped("config.json", "{}")])).toBeNull();
  expect(rememberedUpload.of([dropped("other.onnx", "content"), dropped("config.json", "{}")])).toBeNull();
  rememberedUpload.forget(files);
  expect(rememberedUpload.of(files)).toBeNull();
});
