import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Event, EventFeed, type Source } from "./events";

class FakeSource implements Source {
  onopen: Source["onopen"] = null;
  onmessage: Source["onmessage"] = null;
  onerror: Source["onerror"] = null;
  readyState: Source["readyState"] = 0;
  constructor(readonly url: string) {}
  close() {
    this.readyState = 2;
  }
  opens() {
    this.readyState = 1;
    this.onopen?.call({} as EventSource, new globalThis.Event("open"));
  }
  breaks(readyState: 0 | 2) {
    this.readyState = readyState;
    this.onerror?.call({} as EventSource, new globalThis.Event("error"));
  }
  tells(cursor: string, kind = "deployment.healthy") {
    const data = JSON.stringify({ id: cursor, kind, subject_kind: "deployment", subject_id: "d" });
    this.onmessage?.call({} as EventSource, new MessageEvent("message", { data, lastEventId: cursor }));
  }
}

let sources: FakeSource[];
let status: number;
let applied: Event[][];
let applying: Promise<void>;
const refetch = vi.fn();
const signedOut = vi.fn();
let feed: EventFeed;
const latest = () => sources.at(-1) as FakeSource;

function see(hidden: boolean) {
  Object.defineProperty(document, "hidden", { configurable: true, value: hidden });
  document.dispatchEvent(new globalThis.Event("visibilitychange"));
}

beforeEach(() => {
  vi.useFakeTimers();
  sources = [];
  status = 200;
  applied = [];
  applying = Promise.resolve();
  refetch.mockReset();
  signedOut.mockReset();
  feed = new EventFeed({
    open: (url) => {
      sources.push(new FakeSource(url));
      return latest();
    },
    probe: async () => status,
    apply: async (events) => {
      applied.push(events);
      await applying;
    },
    refetch,
    signedOut,
  });
  feed.start();
});
afterEach(() => {
  feed.stop();
  see(false);
  vi.useRealTimers();
});

test("there is one connection, however often it is started", () => {
  feed.start();
  expect(sources.map((source) => source.url)).toEqual(["/api/v1/events"]);
  expect(feed.state().state).toBe("connecting");
  latest().opens();
  expect(feed.state().state).toBe("live");
  expect(refetch).not.toHaveBeenCalled();
});

test("events that come together are applied together", async () => {
  latest().opens();
  latest().tells("1");
  latest().tells("2");
  await vi.advanceTimersByTimeAsync(200);
  expect(applied.map((events) => events.map((event) => event.id))).toEqual([["1", "2"]]);
});

test("events that come while others are applied wait for them", async () => {
  let finish = () => {};
  applying = new Promise((resolve) => {
    finish = resolve;
  });
  latest().opens();
  latest().tells("1");
  await vi.advanceTimersByTimeAsync(200);
  latest().tells("2");
  latest().tells("3");
  await vi.advanceTimersByTimeAsync(1000);
  expect(applied).toHaveLength(1);
  finish();
  await vi.advanceTimersByTimeAsync(200);
  expect(applied.map((events) => events.map((event) => event.id))).toEqual([["1"], ["2", "3"]]);
});

test("a broken connection says so, and when nothing comes what is shown is polled until it is live again", async () => {
  latest().opens();
  const live_until = Date.now();
  latest().breaks(0); // the browser tries again by itself
  expect(feed.state().state).toBe("reconnecting");
  await vi.advanceTimersByTimeAsync(31_000);
  expect(feed.state()).toEqual({ state: "stale", since: live_until });
  expect(refetch).toHaveBeenCalledTimes(2);
  expect(sources).toHaveLength(1);
  latest().opens();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(feed.state().state).toBe("live");
  expect(refetch).toHaveBeenCalledTimes(2);
});

test("a server that answers no more is not taken for a live one, though the connection stays open", async () => {
  latest().opens();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(feed.state().state).toBe("live");
  status = 0;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(feed.state().state).toBe("reconnecting");
  await vi.advanceTimersByTimeAsync(2_000);
  expect(sources).toHaveLength(2);
  status = 200;
  latest().opens();
  expect(feed.state().state).toBe("live");
});

test("a refused connection is opened again where it stopped, more and more slowly", async () => {
  latest().opens();
  latest().tells("41");
  status = 503;
  latest().breaks(2);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(sources.map((source) => source.url)).toEqual(["/api/v1/events", "/api/v1/events?after=41"]);
  latest().breaks(2);
  await vi.advanceTimersByTimeAsync(900);
  expect(sources).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(1_200);
  expect(sources).toHaveLength(3);
});

test("a cursor that is too old: everything is read again and followed anew", async () => {
  latest().opens();
  latest().tells("41");
  status = 410;
  latest().breaks(2);
  await vi.advanceTimersByTimeAsync(1);
  expect(latest().url).toBe("/api/v1/events");
  expect(refetch).not.toHaveBeenCalled();
  latest().opens();
  expect(refetch).toHaveBeenCalledTimes(1);
});

test("an ended session stops it until it is started again", async () => {
  latest().opens();
  status = 401;
  latest().breaks(2);
  await vi.advanceTimersByTimeAsync(120_000);
  expect(signedOut).toHaveBeenCalledTimes(1);
  expect(sources).toHaveLength(1);
  expect(refetch).not.toHaveBeenCalled();
  feed.start();
  latest().opens();
  expect(sources).toHaveLength(2);
  expect(refetch).toHaveBeenCalledTimes(1);
});

test("a hidden tab holds no connection, and catches up when it is looked at", async () => {
  latest().opens();
  latest().tells("41");
  see(true);
  expect(latest().readyState).toBe(2);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(sources).toHaveLength(1);
  see(false);
  expect(latest().url).toBe("/api/v1/events?after=41");
  latest().opens();
  expect(refetch).not.toHaveBeenCalled();
});

test("a hidden tab that had heard nothing yet reads everything again", () => {
  latest().opens();
  see(true);
  see(false);
  expect(latest().url).toBe("/api/v1/events");
  latest().opens();
  expect(refetch).toHaveBeenCalledTimes(1);
});
