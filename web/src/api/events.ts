// The page's one connection to /api/v1/events. Whatever happens to it, the page goes on and says how fresh it is.
import { useSyncExternalStore } from "react";
import { queryClient } from "./queries";
import { applyEvents, refetchShown } from "./refresh";

/** What happened to a subject. `data` never holds the subject itself: whoever may see it reads it. */
export type Event = {
  id: string;
  kind: string;
  subject_kind: string;
  subject_id: string;
  data: unknown;
  created_at: string;
};

/** stale: nothing is heard any more, what is shown is read again every 15 s; `since`: when it was last live. */
export type LiveState = { state: "connecting" | "live" | "reconnecting" | "stale"; since: number };

export type Source = Pick<EventSource, "onopen" | "onmessage" | "onerror" | "readyState" | "close">;

type Ports = {
  open: (url: string) => Source;
  /** The status with which the server answers now; 0 when it does not. */
  probe: (url: string) => Promise<number>;
  apply: (events: Event[]) => Promise<void>;
  refetch: () => void;
  signedOut: () => void;
};

const url = "/api/v1/events";
const closed = 2; // EventSource.CLOSED
const poll_ms = 15_000;
const watch_ms = 10_000;
const answer_ms_max = 5_000;
const gather_ms = 150;
const retry_ms_max = 30_000;

export class EventFeed {
  private readonly ports: Ports;
  private readonly subscribers = new Set<() => void>();
  private current: LiveState = { state: "connecting", since: Date.now() };
  private source?: Source;
  private cursor?: string;
  /** Something may have happened that no event will tell. */
  private gap = false;
  private running = false;
  private failures = 0;
  private waiting: Event[] = [];
  private gathering?: ReturnType<typeof setTimeout>;
  private retrying?: ReturnType<typeof setTimeout>;
  private polling?: ReturnType<typeof setInterval>;
  private watching?: ReturnType<typeof setInterval>;

  constructor(ports: Ports) {
    this.ports = ports;
  }

  subscribe = (changed: () => void) => {
    this.subscribers.add(changed);
    return () => void this.subscribers.delete(changed);
  };
  state = () => this.current;

  start() {
    if (this.running) return;
    this.running = true;
    document.addEventListener("visibilitychange", this.look);
    window.addEventListener("online", this.look);
    this.look();
  }

  stop() {
    this.running = false;
    document.removeEventListener("visibilitychange", this.look);
    window.removeEventListener("online", this.look);
    this.pause();
    this.cursor = undefined;
    this.gap = true;
  }

  /** Connects when somebody looks at the page, and lets go when nobody does. */
  private look = () => {
    if (document.hidden) this.pause();
    else if (this.running && !this.source) this.open();
  };

  private pause() {
    clearTimeout(this.retrying);
    clearInterval(this.polling);
    clearInterval(this.watching);
    this.polling = undefined;
    this.source?.close();
    this.source = undefined;
    this.gap ||= this.cursor === undefined;
    if (this.current.state === "live") this.show("reconnecting", Date.now());
  }

  private open() {
    clearTimeout(this.retrying);
    this.polling ??= setInterval(this.poll, poll_ms);
    const source = this.ports.open(this.cursor === undefined ? url : `${url}?after=${encodeURIComponent(this.cursor)}`);
    this.source = source;
    source.onopen = () => {
      this.failures = 0;
      clearInterval(this.polling);
      this.polling = undefined;
      this.show("live", Date.now());
      clearInterval(this.watching);
      this.watching = setInterval(() => void this.watch(source), watch_ms);
      if (this.gap) this.ports.refetch();
      this.gap = false;
    };
    source.onmessage = (message) => {
      if (message.lastEventId) this.cursor = message.lastEventId;
      this.waiting.push(JSON.parse(message.data) as Event);
      this.gather();
    };
    source.onerror = () => {
      this.broken();
      // The browser comes back by itself, with the place where it was, unless it was refused.
      if (source.readyState === closed) void this.refused(source);
    };
  }

  private broken() {
    clearInterval(this.watching);
    if (this.current.state === "live") this.show("reconnecting", Date.now());
    this.polling ??= setInterval(this.poll, poll_ms);
  }

  /** A server that hangs, or a network that loses everything, leaves the connection open. */
  private async watch(source: Source) {
    if ((await this.ports.probe(url)) !== 0 || source !== this.source || this.current.state !== "live") return;
    this.broken();
    void this.refused(source);
  }

  private async refused(source: Source) {
    const status = await this.ports.probe(this.cursor === undefined ? url : `${url}?after=${this.cursor}`);
    if (source !== this.source) return; // paused or stopped meanwhile
    source.close();
    this.source = undefined;
    // A browser does not tell where the stream stood when no event came with it: then we do not know either.
    this.gap ||= this.cursor === undefined;
    if (status === 410) {
      this.cursor = undefined;
      this.gap = true;
    }
    if (status === 401) {
      this.stop();
      this.ports.signedOut();
      return;
    }
    const gone_once = status === 410 && this.failures === 0;
    const delay_ms = gone_once ? 0 : Math.min(retry_ms_max, 1000 * 2 ** this.failures) * (0.5 + Math.random() / 2);
    this.failures += 1;
    this.retrying = setTimeout(() => this.open(), delay_ms);
  }

  private poll = () => {
    this.show("stale", this.current.since);
    this.ports.refetch();
  };

  /** What comes together is applied together, and only when what came before has been: a storm reads nothing twice. */
  private gather() {
    this.gathering ??= setTimeout(async () => {
      const events = this.waiting;
      this.waiting = [];
      await this.ports.apply(events).catch((error: unknown) => console.error(error));
      this.gathering = undefined;
      if (this.waiting.length > 0) this.gather();
    }, gather_ms);
  }

  private show(state: LiveState["state"], since: number) {
    if (this.current.state === state) return;
    this.current = { state, since };
    for (const changed of this.subscribers) changed();
  }
}

async function probe(address: string): Promise<number> {
  const controller = new AbortController();
  try {
    const response = await fetch(address, {
      headers: { Accept: "text/event-stream" },
      cache: "no-store",
      signal: AbortSignal.any([controller.signal, AbortSignal.timeout(answer_ms_max)]),
    });
    return response.status;
  } catch {
    return 0;
  } finally {
    controller.abort();
  }
}

let signed_out = () => {};

/** The one of this page. The shell starts it. */
export const feed = new EventFeed({
  open: (address) => new EventSource(address),
  probe,
  apply: (events) => applyEvents(queryClient, events),
  refetch: () => void refetchShown(queryClient),
  signedOut: () => signed_out(),
});

/** Who is told when the feed finds that the session has ended. */
export function onFeedSignedOut(tell: () => void) {
  signed_out = tell;
}

export const useLiveState = () => useSyncExternalStore(feed.subscribe, feed.state);
