import { expect, test } from "vitest";
import { bitmap, blockSums, digits8, digits28, placed, type Stroke } from "./drawing";

const line = (x0: number, y0: number, x1: number, y1: number): Stroke => [
  { x: x0, y: y0 },
  { x: x1, y: y1 },
];
const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);
const rowsOf = (values: readonly number[], side: number) =>
  Array.from({ length: side }, (_, row) => values.slice(row * side, (row + 1) * side));

test("ink is where a pixel's middle is near a stroke", () => {
  const pixels = bitmap([line(2, 4, 6, 4)], 8, 2);
  expect(rowsOf([...pixels], 8)).toEqual([
    [0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 0],
    [0, 1, 1, 1, 1, 1, 1, 0],
    [0, 1, 1, 1, 1, 1, 1, 0],
    [0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0, 0],
  ]);
  expect(blockSums(pixels, 8, 4)).toEqual([3, 3, 3, 3]);
});

test("a drawing fills its box, wherever and however large it was drawn, its proportions kept", () => {
  const large = [line(0.1, 0.1, 0.5, 0.9)];
  const small = [line(0.7, 0.5, 0.9, 0.9)];
  const box = { width: 28, height: 32 };
  const [from, to] = placed(large, 32, box, 4)[0]!;
  expect(from!.y).toBeCloseTo(2);
  expect(to!.y).toBeCloseTo(30);
  expect(from!.x).toBeCloseTo(9);
  expect(to!.x).toBeCloseTo(23);
  const again = placed(small, 32, box, 4)[0]!;
  expect(again[0]!.x).toBeCloseTo(9);
  expect(again[1]!.y).toBeCloseTo(30);
});

test("8 x 8: counts of 0 to 16, a line down the middle in the two columns there", () => {
  const values = digits8([line(0.5, 0.1, 0.5, 0.9)]);
  expect(values).toHaveLength(64);
  for (const row of rowsOf(values, 8)) {
    expect(row.slice(0, 3)).toEqual([0, 0, 0]);
    expect(row.slice(5)).toEqual([0, 0, 0]);
    expect(row[3]).toBe(row[4]);
    expect(row[3]).toBeGreaterThan(8);
    expect(row[3]).toBeLessThanOrEqual(16);
  }
});

test("8 x 8: a full square is 16 everywhere inside, and a dot stays a dot", () => {
  const strokes = Array.from({ length: 33 }, (_, i) => line(0.1, 0.1 + i * 0.025, 0.9, 0.1 + i * 0.025));
  const rows = rowsOf(digits8(strokes), 8);
  for (const row of rows.slice(2, 6)) expect(row.slice(2, 6)).toEqual([16, 16, 16, 16]);
  const dot = digits8([[{ x: 0.9, y: 0.1 }]]);
  expect(sum(dot)).toBeGreaterThan(0);
  expect(sum(dot)).toBeLessThan(64);
});

test("28 x 28: greys of 0 to 1 in a box of 20 around the centre of mass", () => {
  const values = digits28([line(0.5, 0.1, 0.5, 0.9)]);
  expect(values).toHaveLength(784);
  expect(values.every((value) => value >= 0 && value <= 1)).toBe(true);
  const rows = rowsOf(values, 28);
  expect(
    rows
      .slice(0, 4)
      .flat()
      .every((value) => value === 0),
  ).toBe(true);
  expect(
    rows
      .slice(24)
      .flat()
      .every((value) => value === 0),
  ).toBe(true);
  expect(rows[14]!.slice(13, 15)).toEqual([1, 1]);
  const seven = digits28([
    [
      { x: 0.2, y: 0.2 },
      { x: 0.8, y: 0.2 },
      { x: 0.4, y: 0.9 },
    ],
  ]);
  const mass = sum(seven);
  const x = sum(seven.map((value, index) => value * ((index % 28) + 0.5))) / mass;
  const y = sum(seven.map((value, index) => value * (Math.floor(index / 28) + 0.5))) / mass;
  expect(Math.abs(x - 14)).toBeLessThanOrEqual(0.5);
  expect(Math.abs(y - 14)).toBeLessThanOrEqual(0.5);
});
