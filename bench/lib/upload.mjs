// How a file gets into the control plane: the one place that knows the upload protocol.
import { stat } from "node:fs/promises";
import { run } from "./processes.mjs";

/** Sends `file` as the only one of a new upload, and gives the upload up. Returns the seconds that the sending took. */
export async function upload(plane, file) {
  const { id } = await plane.call("POST", "/api/v1/uploads", {});
  // By the tus protocol, created and sent in one request.
  const metadata = Object.entries({ upload: id, path: "weights.bin" })
    .map(([key, value]) => `${key} ${Buffer.from(value).toString("base64")}`)
    .join(",");
  const headers = {
    Authorization: `Bearer ${plane.token}`,
    "Content-Type": "application/offset+octet-stream",
    "Tus-Resumable": "1.0.0",
    "Upload-Length": (await stat(file)).size,
    "Upload-Metadata": metadata,
  };
  const began = performance.now();
  // The token comes on standard input, where no list of processes shows it.
  const words = ["--silent", "--show-error", "--fail-with-body", "--request", "POST", "--upload-file", file];
  const config = Object.entries(headers).map(([name, value]) => `header = "${name}: ${value}"\n`);
  const rest = ["--header", "Expect:", "--output", "/dev/null", "--config", "-", `${plane.url}/api/v1/uploads/tus`];
  await run("curl", [...words, ...rest], { input: config.join("") });
  const seconds = (performance.now() - began) / 1e3;
  await plane.call("DELETE", `/api/v1/uploads/${id}`);
  return seconds;
}
