import { expect, test } from "vitest";
import { asText, indexAt, LogBuffer, LogView, levelOf, levels } from "@/kit/log-buffer";

test.each([
  ["level=warn msg=slow", "warn"],
  ['{"ts":1,"level":"error","msg":"0"}', "error"],
  ['{"severity":"NOTICE"}', "info"],
  ["W0214 10:00:00 cache.cc] full", "warn"],
  ["[error] no such file", "error"],
  ["2026-11-25 10:00:00 ERROR out of memory", "error"],
  ["DEBUG:urllib3: GET /", "debug"],
  ["warning: deprecated", "warn"],
  ["Traceback (most recent call last):", "error"],
  ["finished with 0 errors and no warning", "info"],
  ["listening on port 8080", "info"],
  ["0.12.053.699 I srv          init: model loaded", "info"],
  ["0.00.014.158 W srv          init: security: no API key is set and CORS allows all origins", "warn"],
  ["0.04.130.383 W load: control-looking token:    212 '</s>' was not control-type; this is probably a bug", "warn"],
  ["0.19.415.959 W ~Server: main loop exited", "warn"],
  ["12.00.123.456 E srv  load_model: failed to load the model", "error"],
  ["0.00.123.456 D slot update_slots: no error here", "debug"],
  ["I llama_context: n_ctx = 4096", "info"],
  ["W llama_context: n_ctx_seq (4096) < n_ctx_train (32768)", "warn"],
  ["E srv    operator(): got exception", "error"],
  ["E = mc2", "info"],
  ["0.00.123.456 tokens of a text", "info"],
] as const)("the level of %s", (text, level) => expect(levelOf(text)).toBe(level));

const line = (i: number, text: string, source = "a") => ({ time: i * 1000, text: `${text} ${i}`, source });

test("a batch costs what it holds: counts, sources and the view are kept up", () => {
  const buffer = new LogBuffer();
  const view = new LogView({ levels: ["error", "info"], source: "", query: "gpu" });
  buffer.append([line(0, "ERROR gpu"), line(1, "DEBUG gpu"), line(2, "quiet")]);
  view.advance(buffer);
  buffer.append([line(3, "GPU again", "b")]);
  view.advance(buffer);
  expect(buffer.counts).toEqual({ error: 1, warn: 0, info: 2, debug: 1 });
  expect(buffer.sources).toEqual(["a", "b"]);
  expect(view.shown.map((shown) => shown.n)).toEqual([1, 3, 4]);
  expect(view.hits).toEqual([0, 2]);
});

test("one source only", () => {
  const buffer = new LogBuffer();
  buffer.append([line(0, "x"), line(1, "x", "b")]);
  const view = new LogView({ levels, source: "b", query: "" }).advance(buffer);
  expect(view.shown.map((shown) => shown.n)).toEqual([2]);
});

test("beyond what is kept the oldest go, the numbers go on, and views begin anew", () => {
  const buffer = new LogBuffer(100);
  const view = new LogView({ levels, source: "", query: "" });
  for (let i = 0; i < 101; i++) {
    buffer.append([line(i, i % 2 ? "ERROR" : "ok")]);
    view.advance(buffer);
  }
  expect(buffer.lines).toHaveLength(90);
  expect(buffer.lines[0]!.n).toBe(12);
  expect(buffer.counts.error + buffer.counts.info).toBe(90);
  expect(view.shown).toHaveLength(90);
});

test("the histogram covers all of the time, however long, with every line in it", () => {
  const buffer = new LogBuffer();
  buffer.append(Array.from({ length: 5000 }, (_, i) => ({ time: i * 60_000, text: i % 10 ? "ok" : "ERROR" })));
  const spans = buffer.histogram(120);
  expect(spans.length).toBeLessThanOrEqual(120);
  expect(spans.reduce((sum, span) => sum + span.counts.error, 0)).toBe(500);
  expect(spans[0]!.from).toBeLessThanOrEqual(0);
  expect(spans.at(-1)!.to).toBeGreaterThan(4999 * 60_000);
});

test("colour codes are no text, and what is copied says when and where", () => {
  const buffer = new LogBuffer();
  buffer.append([{ time: "2026-11-25T10:00:00Z", text: "\x1b[31mERROR\x1b[0m bad", source: "rep_1" }]);
  expect(asText(buffer.lines)).toBe("2026-11-25T10:00:00.000Z error rep_1 ERROR bad");
});

test("the first line at a time or later", () => {
  const buffer = new LogBuffer();
  buffer.append([line(1, "a"), line(2, "b"), line(4, "c")]);
  expect([0, 1000, 3000, 9000].map((ms) => indexAt(buffer.lines, ms))).toEqual([0, 0, 2, 3]);
});
