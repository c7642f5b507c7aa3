import { open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { digitsFile, unique } from "./installation";
import { expect, test } from "./support";

const evidence = (page: Page) => page.getByRole("complementary", { name: "Source analysis" });
const size = 192 << 20;

/** A safetensors file of one tensor, most of it a hole on the disk. */
async function largeFile(): Promise<string> {
  const path = join(tmpdir(), `large-${unique()}.safetensors`);
  const header = JSON.stringify({ w: { dtype: "U8", shape: [size], data_offsets: [0, size] } });
  const length = Buffer.alloc(8);
  length.writeUInt32LE(header.length);
  const file = await open(path, "w");
  await file.write(Buffer.concat([length, Buffer.from(header)]));
  await file.truncate(8 + header.length + size);
  await file.close();
  return path;
}

test("an upload goes on after the server was killed, and can be paused", async ({ visit, page, installation }) => {
  visit.allow(/ERR_|status of (409|423|5\d\d)|No answer came/);
  const path = await largeFile();
  try {
    await visit.open("/register-model");
    // Slow enough to be interrupted on any machine.
    const slow = await page.context().newCDPSession(page);
    const limit = (bytes_per_second: number) =>
      slow.send("Network.emulateNetworkConditions", {
        offline: false,
        latency: 0,
        downloadThroughput: -1,
        uploadThroughput: bytes_per_second,
      });
    await limit(40 << 20);
    await page.getByTestId("files").setInputFiles(path);
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByText("Paused").waitFor();
    await visit.inspect();
    await page.getByRole("button", { name: "Resume" }).click();

    type Upload = { transfers: { offset_bytes: number }[]; files: { size_bytes: number }[] };
    const upload_id = await page.evaluate(() =>
      Object.entries(localStorage)
        .find(([key]) => key.startsWith("modelops.upload."))
        ?.at(1),
    );
    // Once it is complete there is a file in the place of the transfer.
    const offset = async () => {
      const upload = await installation.call<Upload>("GET", `/api/v1/uploads/${upload_id}`);
      return upload.transfers[0]?.offset_bytes ?? upload.files[0]?.size_bytes ?? 0;
    };
    await expect.poll(offset, { timeout: 15_000 }).toBeGreaterThan(0);
    const acknowledged = await offset();
    await installation.signal("serve", "SIGKILL");
    await page.getByText("Connection lost. The upload goes on by itself").waitFor();
    await limit(-1);
    await installation.up();
    expect(await offset()).toBeGreaterThanOrEqual(acknowledged);
    await evidence(page).getByText("safetensors", { exact: false }).first().waitFor({ timeout: 60_000 });
    await visit.inspect();
  } finally {
    await rm(path);
  }
});

test("a server that works on what has arrived is waited for, and the page says so", async ({ visit, page }) => {
  visit.allow(/status of (423|502)/);
  let works = true;
  await page.route("**/api/v1/uploads/tus/*", async (route) => {
    const method = route.request().method();
    if (method === "HEAD" && works) return route.fulfill({ status: 423, headers: { "Retry-After": "1" } });
    if (method !== "PATCH") return route.continue();
    await route.fetch();
    await route.fulfill({ status: 502, body: "" }); // the server has it all, and its answer is lost
  });
  await visit.open("/register-model");
  await page.getByTestId("files").setInputFiles(digitsFile);
  await page.getByText("The server still works on what was sent").waitFor();
  await visit.inspect();
  works = false;
  await evidence(page).getByText("ONNX", { exact: false }).first().waitFor({ timeout: 60_000 });
});
