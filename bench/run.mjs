// Measures ModelOps beside its peers: `make bench`. ONLY=gateway,runtime: some of it; QUICK=1: shorter runs.
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gateway, gatewayStreams } from "./entries/gateway.mjs";
import { modelGet, modelPage } from "./entries/models.mjs";
import { reconciler } from "./entries/reconciler.mjs";
import { runtime } from "./entries/runtime.mjs";
import { start } from "./entries/start.mjs";
import { uploads } from "./entries/uploads.mjs";
import { stopAll } from "./lib/processes.mjs";
import { keep, show } from "./lib/results.mjs";

const entries = {
  start,
  gateway,
  "gateway-streams": gatewayStreams,
  runtime,
  "model-get": modelGet,
  "model-page": modelPage,
  reconciler,
  uploads,
};

const only = process.env.ONLY ? process.env.ONLY.split(",") : Object.keys(entries);
const unknown = only.filter((name) => !(name in entries));
if (unknown.length > 0) {
  console.error(`There is no ${unknown.join(", ")}; there are ${Object.keys(entries).join(", ")}.`);
  process.exit(2);
}

const rows = [];
let failed = 0;
for (const name of only) {
  const folder = mkdtempSync(join(tmpdir(), `modelops-bench-${name}-`));
  chmodSync(folder, 0o755); // PostgreSQL may run as a user of its own
  const began = performance.now();
  try {
    rows.push(...(await entries[name](folder)));
    console.log(`bench   ${name.padEnd(16)} ${Math.round((performance.now() - began) / 1e3)} s`);
    rmSync(folder, { recursive: true, force: true });
  } catch (error) {
    failed++;
    console.error(`bench   ${name.padEnd(16)} failed (what it wrote is kept in ${folder}): ${error.stack}`);
  } finally {
    await stopAll();
  }
}
console.log("");
show(rows);
keep(rows);
process.exit(failed === 0 ? 0 : 1);
