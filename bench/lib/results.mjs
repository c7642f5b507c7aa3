// The table that is shown, and the file that is kept.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { quick, root } from "./places.mjs";

const folder = join(root, "bench/results");
const latest = join(folder, "latest.json");

/** Goals, as they are written in the results. Of `figure`: "ratio" (ours / peer) or "ours". */
export const atLeast = (limit, figure = "ratio") => ({ figure, limit, holds: (value) => value >= limit, sign: ">=" });
export const atMost = (limit, figure = "ratio") => ({ figure, limit, holds: (value) => value <= limit, sign: "<=" });

const rounded = (value) => (value === null ? null : Number(value.toPrecision(4)));

/** A row of the results. `goal` may be left out: then the figure is only told. */
export function row({ id, what, unit, ours, peer = null, peer_name = null, goal, detail }) {
  const ratio = peer === null ? null : ours / peer;
  return {
    id,
    what,
    unit,
    ours: rounded(ours),
    peer: rounded(peer),
    peer_name,
    ratio: rounded(ratio),
    goal: goal ? `${goal.figure} ${goal.sign} ${goal.limit}` : null,
    met: goal ? goal.holds(goal.figure === "ratio" ? ratio : ours) : null,
    ...(detail && {
      detail: Object.fromEntries(Object.entries(detail).map(([name, value]) => [name, rounded(value)])),
    }),
    measured_at: new Date().toISOString(),
    quick,
  };
}

const number = (value) => (value === null ? "" : value.toLocaleString("en", { maximumSignificantDigits: 4 }));

export function show(rows) {
  const cells = rows.map((r) => [
    r.what,
    number(r.ours),
    number(r.peer),
    r.unit,
    r.peer_name ?? "",
    r.ratio === null ? "" : r.ratio.toFixed(2),
    r.goal ?? "",
    r.met === null ? "" : r.met ? "met" : "MISSED",
  ]);
  const heads = ["what", "ours", "peer", "unit", "peer is", "ratio", "goal", ""];
  const widths = heads.map((head, i) => Math.max(head.length, ...cells.map((line) => line[i].length)));
  const right = new Set([1, 2, 5]);
  for (const line of [heads, ...cells])
    console.log(line.map((text, i) => (right.has(i) ? text.padStart(widths[i]) : text.padEnd(widths[i]))).join("  "));
}

/** Replaces what was measured anew in the latest results, and keeps a copy with the date. */
export function keep(rows) {
  let before = [];
  try {
    before = JSON.parse(readFileSync(latest, "utf8"));
  } catch {} // the first time
  const made = new Set(rows.map(({ id }) => id));
  const all = [...before.filter(({ id }) => !made.has(id)), ...rows].toSorted((a, b) => a.id.localeCompare(b.id));
  mkdirSync(folder, { recursive: true });
  const text = `${JSON.stringify(all, null, 2)}\n`;
  writeFileSync(latest, text);
  writeFileSync(join(folder, `${new Date().toISOString().slice(0, 10)}.json`), text);
}
