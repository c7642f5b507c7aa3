import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Paced } from "./paced";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function work() {
  const begun: { input: number; end: () => void; signal: AbortSignal }[] = [];
  const paced = new Paced<number>(
    150,
    (input, signal) => new Promise<void>((end) => void begun.push({ input, end, signal })),
  );
  return { begun, paced, inputs: () => begun.map((one) => one.input) };
}
const settle = () => vi.advanceTimersByTimeAsync(0);

test("what comes quickly is done once, with the newest", async () => {
  const { paced, inputs } = work();
  paced.ask(1);
  paced.ask(2);
  await vi.advanceTimersByTimeAsync(149);
  expect(inputs()).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect(inputs()).toEqual([2]);
});

test("one at a time: what comes meanwhile follows with its newest, in order", async () => {
  const { begun, paced, inputs } = work();
  paced.ask(1);
  await vi.advanceTimersByTimeAsync(150);
  paced.ask(2);
  await vi.advanceTimersByTimeAsync(500);
  paced.ask(3);
  await vi.advanceTimersByTimeAsync(500);
  expect(inputs()).toEqual([1]);
  begun[0]!.end();
  await settle();
  expect(inputs()).toEqual([1, 3]);
  begun[1]!.end();
  await settle();
  expect(inputs()).toEqual([1, 3]);
});

test("stopping forgets what waits and aborts what runs; afterwards it begins anew", async () => {
  const { begun, paced, inputs } = work();
  paced.ask(1);
  await vi.advanceTimersByTimeAsync(150);
  paced.ask(2);
  paced.stop();
  expect(begun[0]!.signal.aborted).toBe(true);
  begun[0]!.end();
  await vi.advanceTimersByTimeAsync(500);
  expect(inputs()).toEqual([1]);
  paced.ask(3);
  await vi.advanceTimersByTimeAsync(150);
  expect(inputs()).toEqual([1, 3]);
});
