// node tools/embed.mjs <out> <prefix>=<folder>...: makes of all files below the folders what the program embeds:
// <out>/embedded.S with their bytes, as they are and compressed, and <out>/embedded.cpp with their table
// (src/apps/assets.hpp).
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { extname, join, relative } from "node:path";
import { constants, gzipSync } from "node:zlib";

const types = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".webmanifest": "application/manifest+json",
  ".woff2": "font/woff2",
};
const compressible = (type) => /^text\/|json$|\+xml$/.test(type);
// As the server compresses other answers (platform/http/wire.cpp).
const compressBytesMin = 1024;

const [out, ...places] = process.argv.slice(2);
const compressed = join(out, "gzip");
rmSync(compressed, { recursive: true, force: true });
mkdirSync(compressed, { recursive: true });

const files = [];
for (const place of places) {
  const [prefix, folder] = place.split("=");
  for (const name of readdirSync(folder, { recursive: true })) {
    const file = join(folder, name);
    // Hidden folders are notes of the build (Vite's manifest).
    if (!statSync(file).isFile() || name.split("/").some((part) => part.startsWith("."))) continue;
    const type = types[extname(name)];
    if (type) files.push({ path: `${prefix}/${relative(folder, file)}`, file, type });
    else if (prefix === "/modelops") throw new Error(`${file}: give its suffix a content type in tools/embed.mjs`);
  }
}
files.sort((a, b) => (a.path < b.path ? -1 : 1));

let assembly = "    .section .rodata\n";
let symbols = "";
let rows = "";
const embed = (symbol, file, note) => {
  // The note makes the object follow the content of a file that keeps its name.
  assembly += `    .global ${symbol}  /* ${note} */\n${symbol}:\n    .incbin "${file}"\n`;
  symbols += `extern "C" const char ${symbol}[];\n`;
};
files.forEach(({ path, file, type }, index) => {
  const bytes = readFileSync(file);
  const digest = createHash("sha256").update(bytes).digest("hex").slice(0, 16);
  const symbol = `modelops_asset_${index}`;
  embed(symbol, file, digest);
  let gzip = "{}";
  if (compressible(type) && bytes.length > compressBytesMin) {
    const packed = gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION });
    if (packed.length < bytes.length) {
      const packedFile = join(compressed, String(index));
      writeFileSync(packedFile, packed);
      embed(`${symbol}_gzip`, packedFile, digest);
      gzip = `{${symbol}_gzip, ${packed.length}}`;
    }
  }
  // Vite puts what it names by content into assets/.
  const immutable = path.startsWith("/modelops/assets/");
  rows += `    {"${path}", "${type}", "W/\\"${digest}\\"", {${symbol}, ${bytes.length}}, ${gzip}, ${immutable}},\n`;
});
assembly += '    .section .note.GNU-stack,"",@progbits\n';

writeFileSync(join(out, "embedded.S"), assembly);
writeFileSync(
  join(out, "embedded.cpp"),
  `#include "apps/assets.hpp"

${symbols}
namespace modelops::apps {
namespace {
const Asset rows[] = {
${rows}};
}
std::span<const Asset> assets() { return rows; }
}  // namespace modelops::apps
`,
);
