import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { diffLines, foldSame, inPairs } from "@/kit/diff";
import { DiffView } from "@/kit/diff-view";

const shown = (before: string, after: string) =>
  diffLines(before, after).map((line) => `${{ same: " ", added: "+", removed: "-" }[line.kind]}${line.text}`);

test.each([
  ["a\nb\nc", "a\nb\nc", [" a", " b", " c"]],
  ["a\nb\nc", "a\nx\nc", [" a", "-b", "+x", " c"]],
  ["a\nc", "a\nb\nc", [" a", "+b", " c"]],
  ["a\nb\nc", "b", ["-a", " b", "-c"]],
  ["", "a", ["-", "+a"]],
])("%j to %j", (before, after, expected) => expect(shown(before, after)).toEqual(expected));

test("a random edit is rebuilt exactly, with few steps", () => {
  let seed = 7;
  const random = (n: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed % n;
  };
  for (let round = 0; round < 100; round++) {
    const before = Array.from({ length: random(30) + 1 }, () => String(random(6)));
    const after = before.flatMap((text) => (random(5) === 0 ? [] : random(5) === 0 ? [text, "new"] : [text]));
    const lines = diffLines(before.join("\n"), after.join("\n"));
    const old = lines.filter((line) => line.kind !== "added").map((line) => line.text);
    const now = lines.filter((line) => line.kind !== "removed").map((line) => line.text);
    expect(old.join("\n")).toBe(before.join("\n"));
    expect(now.join("\n")).toBe(after.join("\n"));
    lines.forEach((line) => {
      if (line.before) expect(before[line.before - 1] ?? "").toBe(line.text);
      if (line.after) expect(after[line.after - 1] ?? "").toBe(line.text);
    });
  }
});

const long = Array.from({ length: 30 }, (_, i) => `line ${i}`);

test("what is far from a change is folded; one line alone is not", () => {
  const pieces = foldSame(diffLines(long.join("\n"), long.toSpliced(10, 1, "other").join("\n")));
  expect(pieces.map((piece) => [piece.folded, piece.lines.length])).toEqual([
    [true, 7],
    [false, 8],
    [true, 16],
  ]);
  const near = foldSame(diffLines(long.join("\n"), long.toSpliced(4, 1, "other").join("\n")));
  expect(near[0]).toMatchObject({ folded: false });
});

test("side by side a removed line stands beside the one in its place", () => {
  const pairs = inPairs(diffLines("a\nb\nc\nd", "a\nx\nd"));
  expect(pairs.map((pair) => [pair.before?.text, pair.after?.text])).toEqual([
    ["a", "a"],
    ["b", "x"],
    ["c", undefined],
    ["d", "d"],
  ]);
});

test("the view counts, says which lines are which, and unfolds", async () => {
  render(
    <DiffView
      label="Revision 3 to 4"
      before={long.join("\n")}
      after={long.toSpliced(10, 1, "other").join("\n")}
      beforeName="Revision 3"
      afterName="Revision 4"
    />,
  );
  expect(screen.getByText("1 line added, 1 removed")).toBeVisible();
  expect(screen.getByText("Added:").parentElement).toHaveTextContent("Added: other");
  expect(screen.queryByText("line 0")).toBeNull();
  await userEvent.click(screen.getByRole("button", { name: "Show 7 unchanged lines" }));
  expect(screen.getAllByText("line 0")[0]).toBeVisible();
});
