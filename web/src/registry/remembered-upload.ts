import type { DroppedFile } from "@/kit/file-drop";

/** Under which an upload of these very files is remembered in this browser. */
function keyOf(files: readonly DroppedFile[]): string {
  const text = files.map(({ path, file }) => `${path}\n${file.size}\n${file.lastModified}`).join("\n\n");
  // FNV-1a, 64 bits: page origins without TLS have no crypto.subtle, and a wrong guess only asks the server once.
  let hash = 0xcbf29ce484222325n;
  for (let i = 0; i < text.length; i++) hash = BigInt.asUintN(64, (hash ^ BigInt(text.charCodeAt(i))) * 0x100000001b3n);
  return `modelops.upload.${hash.toString(16)}`;
}

/** The upload that was begun with these files and not finished, to go on with after a reload. */
export const rememberedUpload = {
  of: (files: readonly DroppedFile[]) => localStorage.getItem(keyOf(files)),
  keep: (files: readonly DroppedFile[], upload_id: string) => localStorage.setItem(keyOf(files), upload_id),
  forget: (files: readonly DroppedFile[]) => localStorage.removeItem(keyOf(files)),
};
