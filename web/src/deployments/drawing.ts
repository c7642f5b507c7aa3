// What was drawn, as the pictures that small digit models were trained with.

/** On the pad: 0 to 1, from the top left. */
export type Point = { x: number; y: number };
export type Stroke = readonly Point[];

/** Of the pad: a drawing smaller than this is not blown up to the full size. */
const spanMin = 0.15;

type Box = { width: number; height: number };

/**
 * Moves and scales strokes so that they fill a box in the middle of a square of `side` pixels, ink of the width `ink`
 * included. The ink does not scale with them: a small drawing has lines as wide as a large one.
 */
export function placed(strokes: readonly Stroke[], side: number, box: Box, ink: number): Stroke[] {
  const points = strokes.flat();
  const [left, right] = extent(points.map((point) => point.x));
  const [top, bottom] = extent(points.map((point) => point.y));
  const scale = Math.min(
    (box.width - ink) / Math.max(right - left, spanMin),
    (box.height - ink) / Math.max(bottom - top, spanMin),
  );
  return strokes.map((stroke) =>
    stroke.map(({ x, y }) => ({
      x: side / 2 + (x - (left + right) / 2) * scale,
      y: side / 2 + (y - (top + bottom) / 2) * scale,
    })),
  );
}

const extent = (values: readonly number[]): [number, number] =>
  values.reduce<[number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  );

function distance({ x, y }: Point, from: Point, to: Point): number {
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const length = dx * dx + dy * dy;
  const at = length === 0 ? 0 : Math.max(0, Math.min(1, ((x - from.x) * dx + (y - from.y) * dy) / length));
  return Math.hypot(x - from.x - at * dx, y - from.y - at * dy);
}

/** Which pixels of a square have ink: those whose middle is within half of `ink` of a stroke. */
export function bitmap(strokes: readonly Stroke[], side: number, ink: number): Uint8Array {
  const pixels = new Uint8Array(side * side);
  const reach = ink / 2;
  const clamp = (value: number) => Math.max(0, Math.min(side - 1, Math.floor(value)));
  for (const stroke of strokes)
    for (const [index, to] of stroke.entries()) {
      const from = stroke[Math.max(0, index - 1)]!;
      for (let row = clamp(Math.min(from.y, to.y) - reach); row <= clamp(Math.max(from.y, to.y) + reach); row++)
        for (let col = clamp(Math.min(from.x, to.x) - reach); col <= clamp(Math.max(from.x, to.x) + reach); col++)
          if (distance({ x: col + 0.5, y: row + 0.5 }, from, to) <= reach) pixels[row * side + col] = 1;
    }
  return pixels;
}

/** How many pixels of each square block of `block` have ink. */
export function blockSums(pixels: Uint8Array, side: number, block: number): number[] {
  const across = side / block;
  const sums = new Array<number>(across * across).fill(0);
  for (let row = 0; row < side; row++)
    for (let col = 0; col < side; col++)
      sums[Math.floor(row / block) * across + Math.floor(col / block)]! += pixels[row * side + col]!;
  return sums;
}

// That data fills the rows and leaves the outer columns nearly empty; of inks and boxes tried, these were recognized best.
const uciBox = { width: 28, height: 32 };
const uciInk = 6;

/** As the UCI digits were made: a bitmap of 32 x 32 that the digit fills, ink counted in blocks of 4 x 4: 0 to 16. */
export function digits8(strokes: readonly Stroke[]): number[] {
  return blockSums(bitmap(placed(strokes, 32, uciBox, uciInk), 32, uciInk), 32, 4);
}

const mnistBox = { width: 20, height: 20 };
const mnistInk = 2.4;
const fine = 4;

/** As MNIST was made: 28 x 28, grey 0 to 1, the digit in a box of 20 x 20, its centre of mass in the middle. */
export function digits28(strokes: readonly Stroke[]): number[] {
  const side = 28;
  const enlarged = placed(strokes, side, mnistBox, mnistInk).map((stroke) =>
    stroke.map(({ x, y }) => ({ x: x * fine, y: y * fine })),
  );
  const grey = blockSums(bitmap(enlarged, side * fine, mnistInk * fine), side * fine, fine).map(
    (ink) => Math.round((ink / (fine * fine)) * 1000) / 1000,
  );
  return centred(grey, side);
}

/** Shifts a picture by whole pixels until its centre of mass is in the middle. */
function centred(grey: readonly number[], side: number): number[] {
  let mass = 0;
  let x = 0;
  let y = 0;
  for (const [index, value] of grey.entries()) {
    mass += value;
    x += value * ((index % side) + 0.5);
    y += value * (Math.floor(index / side) + 0.5);
  }
  if (mass === 0) return [...grey];
  const right = Math.round(side / 2 - x / mass);
  const down = Math.round(side / 2 - y / mass);
  return grey.map((_, index) => {
    const col = (index % side) - right;
    const row = Math.floor(index / side) - down;
    return col >= 0 && col < side && row >= 0 && row < side ? grey[row * side + col]! : 0;
  });
}
