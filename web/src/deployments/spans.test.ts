import { expect, test } from "vitest";
import { placed, type Span } from "./spans";

const span = (span_id: string, parent_span_id: string, start_ms: number, duration_ms: number): Span => ({
  span_id,
  parent_span_id,
  name: span_id,
  kind: "internal",
  start_ms,
  duration_ms,
  failed: false,
  message: "",
  attributes: {},
});

test("spans stand below the one that they belong to, on one axis of time", () => {
  const shown = placed([
    span("request", "of-the-caller", 0, 100),
    span("second", "request", 40, 60),
    span("first", "request", 0, 30),
    span("engine", "second", 50, 25),
  ]);
  expect(shown.map(({ name, depth }) => `${depth} ${name}`)).toEqual(["0 request", "1 first", "1 second", "2 engine"]);
  expect(shown[3]).toMatchObject({ left: 0.5, width: 0.25 });
});

test("spans that name each other, or last longer than the whole, do no harm", () => {
  const odd = placed([span("a", "b", 0, 10), span("b", "a", 0, 10), span("own", "own", 5, 0)]);
  expect(odd.map(({ name }) => name)).toEqual(["own"]);
  expect(placed([span("none", "", 0, 0)])[0]).toMatchObject({ left: 0, width: 0 });
  expect(placed([])).toEqual([]);
});
