import { expect, test } from "vitest";
import { type Operation, pollWhileRunning, recent } from "./operations";

const now = Date.parse("2026-01-01T12:00:00Z");
const operation = (state: Operation["state"], ended_at?: string) => ({ state, ended_at }) as Operation;

test("the tray holds what runs and what ended in the last quarter of an hour", () => {
  const running = operation("running");
  const fresh = operation("succeeded", "2026-01-01T11:50:00Z");
  const old = operation("failed", "2026-01-01T11:40:00Z");
  expect(recent([running, fresh, old], now)).toEqual([running, fresh]);
});

test("progress is asked for only while something runs", () => {
  expect(pollWhileRunning(undefined)).toBe(false);
  expect(pollWhileRunning([operation("failed")])).toBe(false);
  expect(pollWhileRunning([operation("failed"), operation("pending")])).toBe(2000);
});
