import { afterEach, expect, test, vi } from "vitest";
import { loadLater } from "./after-content";

afterEach(() => void vi.useRealTimers());

test("what does not come is tried again until it does", async () => {
  vi.useFakeTimers();
  let tries = 0;
  const part = loadLater(async () => {
    if (++tries < 3) throw new Error("unreachable");
    return "here";
  });
  await vi.advanceTimersByTimeAsync(5_000);
  expect(tries).toBe(2);
  await vi.advanceTimersByTimeAsync(5_000);
  await expect(part).resolves.toBe("here");
});
