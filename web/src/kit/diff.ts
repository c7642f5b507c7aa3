export type DiffLine = { kind: "same" | "added" | "removed"; text: string; before?: number; after?: number };

/** The lines of two texts, with as few of them added and removed as there can be (Myers). Line numbers from 1. */
export function diffLines(before: string, after: string): DiffLine[] {
  const a = before.split("\n");
  const b = after.split("\n");
  let start = 0;
  while (start < a.length && start < b.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;

  const out: DiffLine[] = [];
  const same = (at: number, then: number) => out.push({ kind: "same", text: a[at]!, before: at + 1, after: then + 1 });
  for (let at = 0; at < start; at++) same(at, at);
  for (const [kind, at, then] of script(a.slice(start, a.length - end), b.slice(start, b.length - end))) {
    if (kind === "same") same(start + at, start + then);
    else if (kind === "removed") out.push({ kind, text: a[start + at]!, before: start + at + 1 });
    else out.push({ kind, text: b[start + then]!, after: start + then + 1 });
  }
  for (let back = end; back > 0; back--) same(a.length - back, b.length - back);
  return out;
}

type Step = [kind: DiffLine["kind"], at: number, then: number];

/** The shortest edit script: for each number of edits the farthest point on each diagonal, then the way back. */
function script(a: readonly string[], b: readonly string[]): Step[] {
  const farthest = new Map<number, number>([[1, 0]]);
  const trace: Map<number, number>[] = [];
  for (let edits = 0; ; edits++) {
    trace.push(new Map(farthest));
    for (let k = -edits; k <= edits; k += 2) {
      let x = comesDown(farthest, k, edits) ? farthest.get(k + 1)! : farthest.get(k - 1)! + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      farthest.set(k, x);
      if (x >= a.length && x - k >= b.length) return wayBack(a.length, b.length, trace);
    }
  }
}

const comesDown = (farthest: Map<number, number>, k: number, edits: number) =>
  k === -edits || (k !== edits && farthest.get(k - 1)! < farthest.get(k + 1)!);

function wayBack(endX: number, endY: number, trace: readonly Map<number, number>[]): Step[] {
  const steps: Step[] = [];
  let x = endX;
  let y = endY;
  for (let edits = trace.length - 1; edits >= 0; edits--) {
    const farthest = trace[edits]!;
    const k = x - y;
    const down = comesDown(farthest, k, edits);
    const fromX = edits === 0 ? 0 : farthest.get(down ? k + 1 : k - 1)!;
    const fromY = edits === 0 ? 0 : fromX - (down ? k + 1 : k - 1);
    while (x > fromX && y > fromY) steps.push(["same", --x, --y]);
    if (edits > 0) steps.push(down ? ["added", x, --y] : ["removed", --x, y]);
  }
  return steps.reverse();
}

export type DiffPiece = { lines: DiffLine[]; folded: boolean };

/** Runs of unchanged lines that are far from any change, folded. */
export function foldSame(lines: readonly DiffLine[], context = 3): DiffPiece[] {
  const near = new Uint8Array(lines.length);
  lines.forEach((line, index) => {
    if (line.kind !== "same") near.fill(1, Math.max(0, index - context), index + context + 1);
  });
  const pieces: DiffPiece[] = [];
  lines.forEach((line, index) => {
    const folded = near[index] === 0;
    const last = pieces.at(-1);
    if (last && last.folded === folded) last.lines.push(line);
    else pieces.push({ folded, lines: [line] });
  });
  // A fold that hides one line would be as high as the line.
  return pieces.map((piece) => (piece.lines.length > 1 ? piece : { ...piece, folded: false }));
}

export type DiffPair = { before?: DiffLine; after?: DiffLine };

/** Side by side: what was removed beside what was added in its place. */
export function inPairs(lines: readonly DiffLine[]): DiffPair[] {
  const pairs: DiffPair[] = [];
  let removed: DiffLine[] = [];
  let added: DiffLine[] = [];
  const flush = () => {
    for (let index = 0; index < Math.max(removed.length, added.length); index++)
      pairs.push({ before: removed[index], after: added[index] });
    removed = [];
    added = [];
  };
  for (const line of lines) {
    if (line.kind === "removed") removed.push(line);
    else if (line.kind === "added") added.push(line);
    else {
      flush();
      pairs.push({ before: line, after: line });
    }
  }
  flush();
  return pairs;
}
