// Takes the pictures of docs/guides/web.md: each page of a new installation in both themes. `make screenshots` runs it.
//   tools/node node ../tools/screenshots.mjs [<folder>] [<word>]   only those whose name contains the word
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { constants, crc32, deflateSync } from "node:zlib";
import { launch } from "../tests/e2e/chromium.ts";
import { describedAs, digitsFile, Installation } from "../tests/e2e/installation.ts";

const folder = resolve(process.argv[2] ?? fileURLToPath(new URL("../docs/guides/images", import.meta.url)));
const word = process.argv[3] ?? "";
const size = { width: 1280, height: 800 };

/** Something to be seen: models, people, traffic, and a version that waits for its approval. */
async function furnish(installation) {
  const whole = await readFile(digitsFile);
  const again = `${installation.places.folder}/digits.onnx`;
  await writeFile(again, Buffer.concat([whole, describedAs("trained on twice the images")]));
  await installation.modelops("versions", "create", "digits", again);
  await installation.modelops("versions", "request-approval", "digits", "2", "--comment", "97.8% of the held-out set");
  for (const [name, tag] of [
    ["postal-codes", "team=logistics"],
    ["cheque-amounts", "team=payments"],
    ["meter-readings", "team=energy"],
  ])
    await installation.model({ name, tags: [tag, "task=image-classification"] });
  await installation.person("data-scientist", "Noor Haddad");
  await installation.person("operator", "Jonas Weber");
  await installation.call("POST", "/api/v1/teams", { name: "vision", display_name: "Computer vision" });
  await installation.call("POST", "/api/v1/service-accounts", { name: "ci-vision", description: "", role: "operator" });
  await installation.call("POST", "/api/v1/api-keys", { name: "nightly evaluation", scopes: ["inference:call"] });
  for (const question of ["The three primary colours are", "What is the capital of France?"])
    await installation.modelops("inference", "chat", "gemma-3-270m", question);
  await installation.patch("/api/v1/deployments/digits", { limits: { timeout_ms: 2000, concurrency_max: 16 } });
}

/** Draws a nought on the pad. */
async function draw(page) {
  const pad = page.getByRole("application", { name: "Draw a digit" });
  await pad.waitFor();
  const box = await pad.boundingBox();
  const at = (turn) => [
    box.x + box.width * (0.5 + 0.22 * Math.sin(turn * 2 * Math.PI)),
    box.y + box.height * (0.5 - 0.36 * Math.cos(turn * 2 * Math.PI)),
  ];
  await page.mouse.move(...at(0));
  await page.mouse.down();
  for (let step = 1; step <= 40; step++) await page.mouse.move(...at(step / 40));
  await page.mouse.up();
  await page
    .getByText(/answered in/i)
    .first()
    .waitFor();
}

async function chat(page) {
  await page.getByRole("button", { name: "Settings" }).click();
  await page.getByRole("dialog", { name: "Settings" }).getByLabel("Temperature").fill("0");
  await page.keyboard.press("Escape");
  await page.getByLabel("Message").fill("Explain in one sentence what a neural network is.");
  await page.keyboard.press("Enter");
  await page.getByText(/^First token/).waitFor({ timeout: 60_000 });
}

const click = (role, name) => async (page) => page.getByRole(role, { name }).first().click();

/** Name, path, what the page shows once it is complete, and what is done there first. */
const scenes = [
  ["home", "", "Pending approval"],
  ["registry", "/registry", "gemma-3-270m"],
  ["register", "/register-model", "probabilities", async (page) => page.getByTestId("files").setInputFiles(digitsFile)],
  ["model", "/registry/gemma-3-270m", "Quantization"],
  ["versions", "/registry/digits?tab=versions", "Pending approval"],
  ["approval", "/governance", "97.8% of the held-out set", click("row", /digits:v2/)],
  ["deploy", "/deployments/create?model=digits", "What is deployed?"],
  ["try-digit", "/deployments/digits?tab=try", "Most likely", draw],
  ["try-chat", "/deployments/gemma-3-270m?tab=try", "tokens/s", chat],
  ["logs", "/deployments/gemma-3-270m?tab=logs", "info"],
  ["revisions", "/deployments/digits?tab=revisions", "timeout_ms"],
  ["deployments", "/deployments", "gemma-3-270m"],
  ["deployment", "/deployments/gemma-3-270m", "Memory per replica"],
  ["monitoring", "/monitoring", "gemma-3-270m"],
  ["requests", "/deployments/gemma-3-270m?tab=requests", "Answered"],
  ["trace", "/deployments/gemma-3-270m?tab=requests", "gen_ai.request.model", click("row", /chat gemma/)],
  ["target", "/targets/local", "llama.cpp"],
  ["targets", "/targets", "llama.cpp"],
  ["audit", "/audit", "under one signed root"],
  [
    "proof",
    "/audit?q=model.create",
    ": yes",
    async (page) =>
      page
        .getByRole("row", { name: /model\.create/ })
        .first()
        .click(),
  ],
  ["members", "/settings/members", "Noor Haddad"],
  ["roles", "/settings/roles", "approver"],
  ["teams", "/settings/teams", "Computer vision"],
  ["api-keys", "/settings/api-keys", "nightly evaluation"],
  ["organization", "/settings/organization", "Approvals"],
  ["profile", "/profile", "What you may do"],
  ["palette", "", "Go to", async (page) => page.keyboard.press("ControlOrMeta+k")],
].filter(([name]) => name.includes(word));

// --------------------------------------------------------------------------------------------------- small PNGs

/** The picture in 256 of its colours, the others as the nearest of them. */
function indexed(pixels) {
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const channels = (pixel) => [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255];
  const frequent = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a));
  // First the most frequent of each corner of the colour space, so that a small green word stays green.
  const corners = new Map();
  for (const pixel of frequent) {
    const corner = pixel & 0xe0e0e0;
    if (!corners.has(corner)) corners.set(corner, pixel);
  }
  const palette = [...new Set([...[...corners.values()].slice(0, 160), ...frequent])].slice(0, 256);
  const known = new Map(palette.map((pixel, i) => [pixel, i]));
  const nearest = (pixel) => {
    const [r, g, b] = channels(pixel);
    const distance = (other) => {
      const [x, y, z] = channels(other);
      return (r - x) ** 2 + (g - y) ** 2 + (b - z) ** 2;
    };
    let best = 0;
    for (let i = 1; i < palette.length; i++) if (distance(palette[i]) < distance(palette[best])) best = i;
    known.set(pixel, best);
    return best;
  };
  return { palette: palette.flatMap(channels), indices: pixels.map((pixel) => known.get(pixel) ?? nearest(pixel)) };
}

/** A PNG (ISO/IEC 15948) of indexed colour. */
function png(width, height, rgba) {
  const { palette, indices } = indexed(new Uint32Array(rgba.buffer, rgba.byteOffset, rgba.length / 4));
  const rows = Buffer.alloc((width + 1) * height);
  for (let y = 0; y < height; y++) rows.set(indices.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
  const chunk = (type, data) => {
    const body = Buffer.concat([Buffer.from(type), Buffer.from(data)]);
    const framed = Buffer.alloc(body.length + 8);
    framed.writeUInt32BE(body.length - 4);
    body.copy(framed, 4);
    framed.writeUInt32BE(crc32(body), body.length + 4);
    return framed;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3], 8); // eight bits, a palette
  return Buffer.concat([
    Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]),
    chunk("IHDR", header),
    chunk("PLTE", palette),
    chunk("IDAT", deflateSync(rows, { level: 9, memLevel: 9, strategy: constants.Z_DEFAULT_STRATEGY })),
    chunk("IEND", []),
  ]);
}

/** The pixels of a picture, as a blank page of the browser decodes it. */
async function pixelsOf(reader, picture) {
  const base64 = await reader.evaluate(async (source) => {
    const bytes = Uint8Array.from(atob(source), (char) => char.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes]));
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
    canvas.drawImage(bitmap, 0, 0);
    const { data } = canvas.getImageData(0, 0, bitmap.width, bitmap.height);
    let text = "";
    for (let i = 0; i < data.length; i += 8192) text += String.fromCharCode(...data.subarray(i, i + 8192));
    return btoa(text);
  }, picture.toString("base64"));
  return Buffer.from(base64, "base64");
}

// --------------------------------------------------------------------------------------------------------------

await mkdir(folder, { recursive: true });
const installation = await Installation.start();
const browser = await launch();
try {
  await furnish(installation);
  const reader = await browser.newPage();
  const context = await browser.newContext({ viewport: size, reducedMotion: "reduce" });
  context.setDefaultTimeout(20_000);
  const page = await context.newPage();
  const token = (await installation.signInLink()).split("=")[1];
  await page.request.post(`${installation.places.web}/api/v1/session/link`, { data: { token } });
  let bytes = 0;
  for (const [name, path, complete, act] of scenes) {
    await page.goto(`${installation.places.web}/modelops${path}`);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await page.getByRole("button", { name: /^Account of/ }).waitFor();
    await act?.(page);
    await page.getByText(complete).first().waitFor();
    await page.waitForFunction(() => !document.querySelector("[aria-busy=true]")); // charts and lists that follow
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await page.waitForFunction((wanted) => document.documentElement.dataset.theme === wanted, colorScheme);
      await page.mouse.move(size.width - 1, size.height - 1);
      const picture = await page.screenshot();
      const small = png(size.width, size.height, await pixelsOf(reader, picture));
      await writeFile(`${folder}/${name}-${colorScheme}.png`, small);
      bytes += small.length;
    }
    console.log(name);
  }
  console.log(`${scenes.length * 2} pictures, ${(bytes / 1024).toFixed(0)} kB in all`);
} finally {
  await browser.close();
  await installation.stop();
}
