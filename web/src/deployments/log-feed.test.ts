import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Problem } from "@/api/problem";
import { LogFeed, pageSize } from "./log-feed";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const line = (seq: number) => ({
  seq,
  replica_id: "rep_1",
  time: "2026-01-01T00:00:00Z",
  stream: "stdout",
  line: `line ${seq}`,
});
const lines = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => line(from + index));

class Stream {
  onopen: EventSource["onopen"] = null;
  onmessage: EventSource["onmessage"] = null;
  onerror: EventSource["onerror"] = null;
  readyState = 1;
  closed = false;
  constructor(readonly after: string) {}
  close() {
    this.closed = true;
  }
  says = (seq: number) =>
    this.onmessage!.call({} as EventSource, new MessageEvent("message", { data: JSON.stringify(line(seq)) }));
  breaks(readyState: number) {
    this.readyState = readyState;
    this.onerror!.call({} as EventSource, new Event("error"));
  }
}

/** A server that keeps lines; `refusing` is thrown instead of an answer. */
function server(kept: ReturnType<typeof lines>, refusing?: unknown) {
  const streams: Stream[] = [];
  const state = { kept, refusing, reads: [] as (string | undefined)[] };
  const feed = new LogFeed({
    read: async (after) => {
      state.reads.push(after);
      if (state.refusing) throw state.refusing;
      const items =
        after === undefined
          ? state.kept.slice(-pageSize)
          : state.kept.filter((one) => one.seq > Number(after)).slice(0, pageSize);
      return { items, next_after: String(items.at(-1)?.seq ?? after ?? 0) };
    },
    open: (after) => {
      const stream = new Stream(after);
      streams.push(stream);
      return stream;
    },
  });
  const seen = () => feed.buffer.lines.map((one) => Number(one.text.replace("line ", "")));
  return { feed, streams, state, seen };
}
const settle = () => vi.advanceTimersByTimeAsync(0);

test("the newest lines, then what follows", async () => {
  const { feed, streams, seen } = server(lines(1, 3));
  feed.start();
  await settle();
  expect(seen()).toEqual([1, 2, 3]);
  expect(streams[0]!.after).toBe("3");
  expect(feed.current()).toMatchObject({ phase: "live", older: false });
  streams[0]!.says(4);
  streams[0]!.says(5);
  await vi.advanceTimersByTimeAsync(100);
  expect(seen()).toEqual([1, 2, 3, 4, 5]);
});

test("a browser that comes back by itself brings nothing twice", async () => {
  const { feed, streams, seen } = server(lines(1, 1));
  feed.start();
  await settle();
  streams[0]!.says(2);
  streams[0]!.breaks(0);
  expect(feed.current().phase).toBe("reconnecting");
  streams[0]!.onopen!.call({} as EventSource, new Event("open"));
  streams[0]!.says(2);
  streams[0]!.says(3);
  await vi.advanceTimersByTimeAsync(100);
  expect(seen()).toEqual([1, 2, 3]);
  expect(feed.current().phase).toBe("live");
});

test("a stream that was refused goes on where it stood, once the server answers again", async () => {
  const { feed, streams, state, seen } = server(lines(1, 2));
  feed.start();
  await settle();
  state.refusing = Problem.unreachable();
  streams[0]!.breaks(2);
  await vi.advanceTimersByTimeAsync(5000);
  expect(feed.current().phase).toBe("reconnecting");
  state.refusing = undefined;
  state.kept = lines(1, 5);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(seen()).toEqual([1, 2, 3, 4, 5]);
  expect(streams.at(-1)!.after).toBe("5");
  expect(feed.current().phase).toBe("live");
});

test("a deployment that has been deleted keeps what is shown and is asked for no more", async () => {
  const { feed, streams, state, seen } = server(lines(1, 2));
  feed.start();
  await settle();
  state.refusing = new Problem(404, { detail: "There is no such deployment." });
  streams[0]!.breaks(2);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(feed.current().phase).toBe("gone");
  expect(seen()).toEqual([1, 2]);
  expect(state.reads).toHaveLength(2);
});

test("a log that cannot be read says so and can be tried again", async () => {
  const { feed, state, seen } = server(lines(1, 2), new Problem(403, { detail: "Not yours." }));
  feed.start();
  await settle();
  expect(feed.current()).toMatchObject({ phase: "failed", error: { status: 403 } });
  state.refusing = undefined;
  feed.retry();
  await settle();
  expect(seen()).toEqual([1, 2]);
  expect(feed.current().phase).toBe("live");
});

test("older lines are offered, and all that are kept are read page by page", async () => {
  const { feed, streams, seen } = server(lines(1, 2 * pageSize + 5));
  feed.start();
  await settle();
  expect(seen()).toHaveLength(pageSize);
  expect(feed.current().older).toBe(true);
  feed.fromOldest();
  expect(streams[0]!.closed).toBe(true);
  await settle();
  expect(seen()).toEqual(Array.from({ length: 2 * pageSize + 5 }, (_, index) => index + 1));
  expect(feed.current()).toMatchObject({ phase: "live", older: false });
  expect(streams).toHaveLength(2);
});

test("what begins is undone by stopping: nothing is followed that nobody looks at", async () => {
  const { feed, streams } = server(lines(1, 1));
  feed.start();
  feed.stop();
  await settle();
  expect(streams).toHaveLength(0);
  feed.start();
  await settle();
  feed.stop();
  expect(streams.map((stream) => stream.closed)).toEqual([true]);
});
