import { useSyncExternalStore } from "react";
import type { Moment } from "@/lib/format";

export const levels = ["error", "warn", "info", "debug"] as const;
export type Level = (typeof levels)[number];

/** A line as it comes; its level is read from its text where none is given. */
export type LogEntry = { time: Moment; text: string; source?: string; level?: Level };

export type LogLine = { n: number; ms: number; level: Level; source: string; text: string };
export type LevelCounts = Record<Level, number>;

const words: [RegExp, Level][] = [
  [/\b(?:fatal|critical|panic|error|err|severe)\b/i, "error"],
  [/\b(?:warning|warn)\b/i, "warn"],
  [/\b(?:debug|trace|verbose)\b/i, "debug"],
  [/\b(?:info|notice)\b/i, "info"],
];
const named = /(?:"(?:level|severity|lvl)"\s*:\s*"|\b(?:level|severity|lvl)=["']?)([a-z]+)/i;
/** W0214 of glog, and "W srv" of llama.cpp, which may begin with the time since the start: 0.00.123.456. */
const letter = /^(?:([EWIFD])\d{4} |(?:\d+\.\d{2}\.\d{3}\.\d{3} )?([EWID]) +[a-z~])/;
const shouted =
  /\b(?:FATAL|CRITICAL|PANIC|ERROR|ERR|SEVERE|WARNING|WARN|INFO|NOTICE|DEBUG|TRACE)\b|^\s*\[(?:fatal|critical|error|err|warning|warn|info|notice|debug|trace)\]|^\s*(?:fatal|error|warning|warn|info|debug|trace):/;
const letterLevel: Record<string, Level> = { E: "error", F: "error", W: "warn", I: "info", D: "debug" };

/** The level that a line states: level=warn, "level":"error", W0214, "W srv", [error], ERROR. Most lines state none. */
export function levelOf(text: string): Level {
  const head = text.slice(0, 200);
  const by = letter.exec(head);
  if (by) return letterLevel[(by[1] ?? by[2])!]!;
  const stated = named.exec(head)?.[1] ?? shouted.exec(head)?.[0];
  if (stated !== undefined) return words.find(([word]) => word.test(stated))?.[1] ?? "info";
  return head.startsWith("Traceback (most recent call last)") ? "error" : "info";
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: that is what an escape sequence begins with
const escapes = /\x1b\[[0-9;?]*[A-Za-z]/g;

export const noCounts = (): LevelCounts => ({ error: 0, warn: 0, info: 0, debug: 0 });

export type Bucket = { from: number; to: number; counts: LevelCounts };
const bucketsMax = 1000;

/**
 * The lines of a log, added in batches. It counts as it goes, so that a batch costs what it holds and not what is there
 * already. Beyond `keep` lines the oldest are dropped.
 */
export class LogBuffer {
  /** Replaced when old lines are dropped, otherwise added to. */
  lines: LogLine[] = [];
  counts = noCounts();
  sources: string[] = [];
  version = 0;
  private next = 1;
  private buckets = new Map<number, LevelCounts>();
  private bucketMs = 1000;
  private readonly readers = new Set<() => void>();

  constructor(private readonly keep = 200_000) {}

  append(entries: readonly LogEntry[]) {
    if (entries.length === 0) return;
    for (const entry of entries) {
      const text = entry.text.includes("\x1b") ? entry.text.replace(escapes, "") : entry.text;
      const ms = new Date(entry.time).getTime();
      const level = entry.level ?? levelOf(text);
      const source = entry.source ?? "";
      this.lines.push({ n: this.next++, ms, level, source, text });
      this.count(ms, level);
      if (source !== "" && !this.sources.includes(source)) this.sources = [...this.sources, source];
    }
    if (this.lines.length > this.keep) this.drop();
    this.changed();
  }

  clear() {
    this.lines = [];
    this.counts = noCounts();
    this.sources = [];
    this.buckets.clear();
    this.next = 1;
    this.changed();
  }

  /** How many lines of each level there are over time, in `n` spans of equal length. */
  histogram(n: number): Bucket[] {
    if (this.buckets.size === 0) return [];
    const keys = [...this.buckets.keys()];
    const first = Math.min(...keys);
    const last = Math.max(...keys) + 1;
    const per = Math.max(1, Math.ceil((last - first) / n));
    const spans = Array.from({ length: Math.ceil((last - first) / per) }, (_, index) => ({
      from: (first + index * per) * this.bucketMs,
      to: (first + (index + 1) * per) * this.bucketMs,
      counts: noCounts(),
    }));
    for (const [key, counts] of this.buckets)
      for (const level of levels) spans[Math.floor((key - first) / per)]!.counts[level] += counts[level];
    return spans;
  }

  subscribe = (changed: () => void) => {
    this.readers.add(changed);
    return () => this.readers.delete(changed);
  };

  private changed() {
    this.version++;
    for (const reader of this.readers) reader();
  }

  private count(ms: number, level: Level) {
    this.counts[level]++;
    const key = Math.floor(ms / this.bucketMs);
    const bucket = this.buckets.get(key) ?? noCounts();
    bucket[level]++;
    this.buckets.set(key, bucket);
    if (this.buckets.size > bucketsMax) this.widen();
  }

  /** Buckets of twice the length. */
  private widen() {
    const before = this.buckets;
    this.buckets = new Map();
    this.bucketMs *= 2;
    for (const [key, counts] of before) {
      const wide = this.buckets.get(Math.floor(key / 2)) ?? noCounts();
      for (const level of levels) wide[level] += counts[level];
      this.buckets.set(Math.floor(key / 2), wide);
    }
  }

  private drop() {
    // a tenth more than needed, so that it does not happen with each batch
    this.lines = this.lines.slice(-Math.floor(this.keep * 0.9));
    this.counts = noCounts();
    this.buckets.clear();
    for (const line of this.lines) this.count(line.ms, line.level);
  }
}

/** Draws anew when lines are added. */
export const useLogVersion = (buffer: LogBuffer) => useSyncExternalStore(buffer.subscribe, () => buffer.version);

export type LogFilter = { levels: readonly Level[]; source: string; query: string };

/** What of a buffer is shown, and where a search finds something; kept up as lines are added. */
export class LogView {
  /** Lines that pass the filter. */
  shown: LogLine[] = [];
  /** Places in `shown` where the search matches. */
  hits: number[] = [];
  private lines: LogLine[] = [];
  private done = 0;
  private readonly query: string;

  constructor(readonly filter: LogFilter) {
    this.query = filter.query.toLowerCase();
  }

  /** Takes up what has been added. Returns itself. */
  advance(buffer: LogBuffer) {
    if (buffer.lines !== this.lines) {
      this.lines = buffer.lines;
      this.shown = [];
      this.hits = [];
      this.done = 0;
    }
    for (; this.done < this.lines.length; this.done++) {
      const line = this.lines[this.done]!;
      if (this.filter.source !== "" && line.source !== this.filter.source) continue;
      if (!this.filter.levels.includes(line.level)) continue;
      if (this.query !== "" && line.text.toLowerCase().includes(this.query)) this.hits.push(this.shown.length);
      this.shown.push(line);
    }
    return this;
  }
}

/** Where in `lines` the first of a time or later is; they are in order of time. */
export function indexAt(lines: readonly LogLine[], ms: number) {
  let low = 0;
  let high = lines.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (lines[middle]!.ms < ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Lines as a file or the clipboard has them. */
export const asText = (lines: readonly LogLine[]) =>
  lines
    .map((line) => [new Date(line.ms).toISOString(), line.level, line.source, line.text].filter(Boolean).join(" "))
    .join("\n");
