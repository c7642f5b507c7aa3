// The JavaScript that the home page loads before it is usable, gzipped, against its limit.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const limit_kb = 200;
const manifest = JSON.parse(readFileSync("dist/.vite/manifest.json", "utf8"));
const needed = new Set();
function need(key) {
  if (needed.has(key)) return;
  needed.add(key);
  for (const next of manifest[key].imports ?? []) need(next);
}

const home = Object.keys(manifest).filter((key) =>
  /^src\/routes\/modelops(\.tsx|\/index\.tsx)\?tsr-split=component$/.test(key),
);
if (home.length !== 2) throw new Error(`the chunks of the home page are not in the manifest: ${home.join(", ")}`);
need("index.html");
home.forEach(need);

const sizes = [...needed].map((key) => ({
  file: manifest[key].file,
  kb: gzipSync(readFileSync(`dist/${manifest[key].file}`), { level: 9 }).length / 1024,
}));
const total_kb = sizes.reduce((sum, { kb }) => sum + kb, 0);
for (const { file, kb } of sizes.sort((a, b) => b.kb - a.kb).slice(0, 8))
  console.log(`${kb.toFixed(1).padStart(8)} kB  ${file}`);
console.log(`first load of the home page: ${total_kb.toFixed(1)} kB of JavaScript, gzipped (limit ${limit_kb} kB)`);
if (total_kb > limit_kb) process.exit(1);
