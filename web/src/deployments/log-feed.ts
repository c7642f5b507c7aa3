// The log of a deployment: the newest lines that are kept, then whatever is written.
import type { Schema } from "@/api/client";
import { api, body } from "@/api/client";
import type { Source } from "@/api/events";
import { Problem } from "@/api/problem";
import { LogBuffer } from "@/kit/log-buffer";

type Line = Schema<"DeploymentLogLine">;
type LogPage = Schema<"DeploymentLogPage">;

export type FeedState = {
  /** gone: the deployment has been deleted; failed: nothing could be read yet. */
  phase: "loading" | "live" | "reconnecting" | "gone" | "failed";
  error?: unknown;
  /** There are older lines than those shown. */
  older: boolean;
};

type Ports = {
  /** Lines after a cursor; without one the newest. */
  read: (after?: string) => Promise<LogPage>;
  open: (after: string) => Source;
};

export const pageSize = 1000;
const keep = 100_000;
const gather_ms = 100;
const retry_ms_max = 30_000;
const closed = 2; // EventSource.CLOSED

export class LogFeed {
  readonly buffer = new LogBuffer(keep);
  private state: FeedState = { phase: "loading", older: false };
  private readonly readers = new Set<() => void>();
  private source?: Source;
  /** The last line that was heard of. */
  private cursor?: string;
  private failures = 0;
  private waiting: Line[] = [];
  private gathering?: ReturnType<typeof setTimeout>;
  private retrying?: ReturnType<typeof setTimeout>;
  /** Another one with each start and stop: what began before it is no longer taken. */
  private run = 0;

  constructor(private readonly ports: Ports) {}

  subscribe = (changed: () => void) => {
    this.readers.add(changed);
    return () => void this.readers.delete(changed);
  };
  current = () => this.state;

  start() {
    void this.connect();
  }

  stop() {
    this.run++;
    clearTimeout(this.gathering);
    clearTimeout(this.retrying);
    this.gathering = undefined;
    this.flush();
    this.source?.close();
    this.source = undefined;
  }

  retry = () => {
    this.stop();
    this.show({ phase: this.cursor === undefined ? "loading" : "reconnecting", error: undefined });
    this.start();
  };

  /** Begins anew with the oldest line that is kept. */
  fromOldest = () => {
    this.stop();
    this.buffer.clear();
    this.cursor = "0";
    this.show({ phase: "loading", older: false });
    this.start();
  };

  /** Reads what has been written since, then follows. */
  private async connect() {
    const run = ++this.run;
    try {
      for (;;) {
        const from = this.cursor;
        const page = await this.ports.read(from);
        if (run !== this.run) return;
        this.take(page.items);
        this.cursor = page.next_after;
        const full = page.items.length >= pageSize;
        if (from === undefined) this.show({ older: full });
        if (from === undefined || !full) break;
      }
      this.follow(run);
    } catch (error) {
      if (run === this.run) this.failed(error);
    }
  }

  private follow(run: number) {
    const source = this.ports.open(this.cursor!);
    this.source = source;
    this.show({ phase: "live", error: undefined });
    source.onopen = () => {
      this.failures = 0;
      this.show({ phase: "live" });
    };
    source.onmessage = (message) => {
      const line = JSON.parse(message.data) as Line;
      // A browser that comes back may be told again what it had heard.
      if (line.seq <= Number(this.cursor)) return;
      this.cursor = String(line.seq);
      this.waiting.push(line);
      this.gathering ??= setTimeout(() => {
        this.gathering = undefined;
        this.flush();
      }, gather_ms);
    };
    source.onerror = () => {
      if (run !== this.run) return;
      this.show({ phase: "reconnecting" });
      // The browser comes back by itself, unless it was refused.
      if (source.readyState !== closed) return;
      this.later();
    };
  }

  private flush() {
    const lines = this.waiting;
    this.waiting = [];
    this.take(lines);
  }

  private take(lines: readonly Line[]) {
    this.buffer.append(lines.map(({ time, line, replica_id }) => ({ time, text: line, source: replica_id })));
  }

  private failed(error: unknown) {
    const gone = error instanceof Problem && error.status === 404;
    const nothing_yet = this.cursor === undefined;
    if (gone && !nothing_yet) return this.show({ phase: "gone" });
    if (nothing_yet || !(error instanceof Problem && error.transient)) return this.show({ phase: "failed", error });
    this.show({ phase: "reconnecting" });
    this.later();
  }

  private later() {
    this.source?.close();
    this.source = undefined;
    const delay_ms = Math.min(retry_ms_max, 1000 * 2 ** this.failures) * (0.5 + Math.random() / 2);
    this.failures += 1;
    clearTimeout(this.retrying);
    this.retrying = setTimeout(this.retry, delay_ms);
  }

  private show(change: Partial<FeedState>) {
    this.state = { ...this.state, ...change };
    for (const changed of this.readers) changed();
  }
}

export const logFeed = (deployment: string) =>
  new LogFeed({
    read: (after) =>
      body(
        api.GET("/api/v1/deployments/{deployment}/logs", {
          params: { path: { deployment }, query: { page_size: pageSize, ...(after !== undefined && { after }) } },
        }),
      ),
    open: (after) =>
      new EventSource(
        `/api/v1/deployments/${encodeURIComponent(deployment)}/logs/follow?after=${encodeURIComponent(after)}`,
      ),
  });
