import { useVirtualizer } from "@tanstack/react-virtual";
import {
  ArrowDownToLine,
  Check,
  ChevronDown,
  ChevronUp,
  Copy,
  Download,
  Pause,
  Play,
  Search,
  WrapText,
} from "lucide-react";
import { memo, type ReactNode, useDeferredValue, useEffect, useMemo, useRef, useState } from "react";
import { Button } from "@/kit/button";
import { download } from "@/kit/download";
import { IconButton } from "@/kit/icon-button";
import { inputClass } from "@/kit/input";
import { Kbd } from "@/kit/kbd";
import {
  asText,
  indexAt,
  type Level,
  type LogBuffer,
  type LogLine,
  LogView,
  levels,
  useLogVersion,
} from "@/kit/log-buffer";
import { LogScrubber } from "@/kit/log-scrubber";
import { Select } from "@/kit/select";
import { useCopy } from "@/kit/use-copy";
import { useStored } from "@/kit/use-stored";
import { cx } from "@/lib/cx";
import { clockMs, count, plural } from "@/lib/format";
import { useShortcuts } from "@/lib/keyboard";

type LogViewerProps = {
  /** "Deployment log" */
  label: string;
  buffer: LogBuffer;
  /** What a line's source is: "Replica". */
  sourceName?: string;
  /** How a source is called: shortens an identifier. */
  showSource?: (source: string) => string;
  /** The name of the file that Download makes. */
  fileName?: string;
  /** Lines still come. */
  live?: boolean;
  /** While there is no line: Empty, Loading or ErrorState. */
  empty: ReactNode;
};

const rowHeight = 20;
const levelText: Record<Level, string> = {
  error: "text-bad-fg",
  warn: "text-warn-fg",
  info: "text-fg-2",
  debug: "text-fg-3",
};
export const levelFill: Record<Level, string> = {
  error: "bg-bad",
  warn: "bg-warn",
  info: "bg-idle",
  debug: "bg-line-strong",
};

/**
 * A log of a hundred thousand lines and more. It follows the end until it is scrolled away; "/" searches, n and N go
 * from match to match, f follows, p pauses.
 */
export function LogViewer(props: LogViewerProps) {
  const { label, buffer, sourceName = "Source", showSource = (source) => source, fileName = "log.txt", live } = props;
  const version = useLogVersion(buffer);
  const [shownLevels, setShownLevels] = useState<readonly Level[]>(levels);
  const [source, setSource] = useState("");
  const [text, setText] = useState("");
  const query = useDeferredValue(text.trim());
  const [at, setAt] = useState(0);
  const [follow, setFollow] = useState(true);
  const [pausedAt, setPausedAt] = useState<number | null>(null);
  const [wrap, setWrap] = useStored("log:wrap", false, (stored) => (typeof stored === "boolean" ? stored : undefined));
  const scroll = useRef<HTMLDivElement>(null);
  const box = useRef<HTMLInputElement>(null);

  const view = useMemo(() => new LogView({ levels: shownLevels, source, query }), [shownLevels, source, query]);
  if (pausedAt === null) view.advance(buffer);
  const { shown, hits } = view;
  const waiting = pausedAt === null ? 0 : version - pausedAt;

  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => rowHeight,
    overscan: 20,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows have other heights then
  useEffect(() => virtual.measure(), [wrap]);

  useEffect(() => {
    if (follow && shown.length > 0) virtual.scrollToIndex(shown.length - 1, { align: "end" });
  }, [follow, shown.length, virtual]);

  const goTo = (hit: number) => {
    setAt(hit);
    setFollow(false);
    virtual.scrollToIndex(hits[hit]!, { align: "center" });
  };
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new search goes to its first match; new lines do not
  useEffect(() => {
    setAt(0);
    if (query !== "" && hits.length > 0) goTo(0);
  }, [query]);
  const step = (by: number) => {
    if (hits.length > 0) goTo((at + by + hits.length) % hits.length);
  };

  // Scrolling up, by whatever means, ends following; reaching the end takes it up again.
  const lastTop = useRef(0);
  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = scroll.current!;
    if (scrollTop < lastTop.current - 1) setFollow(false);
    else if (scrollTop > lastTop.current && scrollHeight - scrollTop - clientHeight < rowHeight) setFollow(true);
    lastTop.current = scrollTop;
  };
  const togglePause = () => setPausedAt(pausedAt === null ? version : null);

  useShortcuts({
    "/": () => box.current?.focus(),
    n: () => step(1),
    N: () => step(-1),
    f: () => setFollow(true),
    p: togglePause,
  });

  const { copied, copy, said } = useCopy();
  const items = virtual.getVirtualItems();
  const first = items.find((item) => item.end > (virtual.scrollOffset ?? 0))?.index ?? 0;
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="flex flex-wrap items-center gap-2 px-4 pb-3 md:px-6">
        <div className="relative w-full sm:w-72">
          <Search aria-hidden className="pointer-events-none absolute top-2 left-2.5 size-4 text-fg-3" />
          <input
            ref={box}
            type="search"
            aria-label="Find in the log"
            aria-keyshortcuts="/"
            placeholder="Find in the log"
            value={text}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={(event) => event.key === "Enter" && step(event.shiftKey ? -1 : 1)}
            className={cx(inputClass, "pr-8 pl-8 [&::-webkit-search-cancel-button]:hidden")}
          />
          <Kbd keys="/" className="pointer-events-none absolute top-1.75 right-2" />
        </div>
        <span role="status" className="tnum text-xs text-fg-3">
          {query !== "" && (hits.length > 0 ? `${count(at + 1)} of ${count(hits.length)}` : "No match")}
        </span>
        {query !== "" && (
          <span className="flex">
            <IconButton label="Previous match (N)" onClick={() => step(-1)}>
              <ChevronUp aria-hidden className="size-4" />
            </IconButton>
            <IconButton label="Next match (n)" onClick={() => step(1)}>
              <ChevronDown aria-hidden className="size-4" />
            </IconButton>
          </span>
        )}
        <div className="ml-auto flex flex-wrap items-center gap-2">
          {buffer.sources.length > 1 && (
            <Select
              prefix={sourceName}
              value={source || "all"}
              onChange={(chosen) => setSource(chosen === "all" ? "" : chosen)}
              options={[
                { value: "all", label: "all" },
                ...buffer.sources.map((one) => ({ value: one, label: showSource(one) })),
              ]}
            />
          )}
          <fieldset className="flex flex-wrap gap-1">
            <legend className="sr-only">Levels</legend>
            {levels.map((level) => (
              <LevelToggle
                key={level}
                level={level}
                lines={buffer.counts[level]}
                on={shownLevels.includes(level)}
                onChange={(on) =>
                  setShownLevels(on ? [...shownLevels, level] : shownLevels.filter((other) => other !== level))
                }
              />
            ))}
          </fieldset>
          {live && (
            <Button
              aria-pressed={pausedAt !== null}
              onClick={togglePause}
              className={cx(pausedAt !== null && "border-ink")}
            >
              {pausedAt === null ? <Pause aria-hidden className="size-4" /> : <Play aria-hidden className="size-4" />}
              {pausedAt === null ? "Pause" : "Resume"}
            </Button>
          )}
          <Button aria-pressed={follow} onClick={() => setFollow(!follow)} className={cx(follow && "border-ink")}>
            <ArrowDownToLine aria-hidden className="size-4" />
            {follow ? "Following" : "Follow"}
          </Button>
          <span className="flex">
            <IconButton
              label="Wrap long lines"
              aria-pressed={wrap}
              onClick={() => setWrap(!wrap)}
              className={cx(wrap && "bg-hover")}
            >
              <WrapText aria-hidden className="size-4" />
            </IconButton>
            <IconButton
              label={copied ? "Copied" : `Copy ${plural(shown.length, "line")}`}
              onClick={() => void copy(asText(shown))}
            >
              {copied ? <Check aria-hidden className="size-4 text-ok-fg" /> : <Copy aria-hidden className="size-4" />}
            </IconButton>
            <IconButton
              label={`Download ${plural(shown.length, "line")}`}
              onClick={() => download(fileName, `${asText(shown)}\n`)}
            >
              <Download aria-hidden className="size-4" />
            </IconButton>
            {said}
          </span>
        </div>
      </div>
      {buffer.lines.length === 0 ? (
        <div className="min-h-0 flex-1 overflow-auto border-t border-line bg-surface">{props.empty}</div>
      ) : (
        <>
          <LogScrubber
            buckets={buffer.histogram(120)}
            ms={shown[first]?.ms}
            onJump={(ms) => {
              setFollow(false);
              virtual.scrollToIndex(Math.min(indexAt(shown, ms), shown.length - 1), { align: "start" });
            }}
          />
          {waiting > 0 && (
            <button
              type="button"
              onClick={togglePause}
              className="border-b border-line bg-run-tint px-6 py-1 text-left text-xs text-run-fg"
            >
              Paused. New lines wait; resume to see them.
            </button>
          )}
          <div
            ref={scroll}
            role="log"
            aria-label={label}
            aria-live="off"
            // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
            tabIndex={0}
            onScroll={onScroll}
            className="min-h-0 flex-1 overflow-auto bg-surface font-mono text-xs leading-5 focus-visible:-outline-offset-2"
          >
            <div className="relative min-w-fit" style={{ height: virtual.getTotalSize() }}>
              {items.map((item) => (
                <LineRow
                  key={shown[item.index]!.n}
                  measure={wrap ? virtual.measureElement : undefined}
                  index={item.index}
                  line={shown[item.index]!}
                  source={buffer.sources.length > 1 ? showSource(shown[item.index]!.source) : undefined}
                  query={query}
                  current={hits.length > 0 && query !== "" && hits[at] === item.index}
                  top={item.start}
                  wrap={wrap}
                />
              ))}
              {shown.length === 0 && (
                <p className="p-6 font-sans text-sm text-fg-2">No line has these levels. Choose more of them above.</p>
              )}
            </div>
          </div>
        </>
      )}
    </div>
  );
}

type LevelToggleProps = { level: Level; lines: number; on: boolean; onChange: (on: boolean) => void };

function LevelToggle({ level, lines, on, onChange }: LevelToggleProps) {
  return (
    <button
      type="button"
      aria-pressed={on}
      onClick={() => onChange(!on)}
      className={cx(
        "inline-flex h-8 items-center gap-1.5 rounded-md border px-2.5 text-xs hover:bg-hover",
        on ? "border-line-strong bg-surface" : "border-dashed border-line-strong text-fg-3",
      )}
    >
      <span aria-hidden className={cx("size-2 rounded-[2px]", levelFill[level], !on && "opacity-40")} />
      {level}
      <span className="tnum text-fg-3">{count(lines)}</span>
    </button>
  );
}

type LineRowProps = {
  line: LogLine;
  index: number;
  /** undefined: all come from one */
  source: string | undefined;
  query: string;
  current: boolean;
  top: number;
  wrap: boolean;
  measure: ((node: HTMLElement | null) => void) | undefined;
};

const LineRow = memo(function LineRow({ line, index, source, query, current, top, wrap, measure }: LineRowProps) {
  return (
    <div
      ref={measure}
      data-index={index}
      className={cx(
        "absolute flex items-start hover:bg-hover",
        wrap ? "w-full md:min-w-160 whitespace-pre-wrap wrap-anywhere" : "h-5 min-w-full whitespace-pre",
        line.level === "error" && "bg-bad-tint",
        current && "bg-accent-tint",
      )}
      style={{ transform: `translateY(${top}px)` }}
    >
      <span aria-hidden className={cx("mr-1 ml-4 w-0.5 shrink-0 self-stretch md:ml-6", levelFill[line.level])} />
      <span className="tnum w-14 shrink-0 pr-3 text-right text-fg-3 select-none max-md:hidden">{line.n}</span>
      <span className="tnum w-26 shrink-0 text-fg-3">{clockMs(line.ms)}</span>
      <span className={cx("w-12 shrink-0", levelText[line.level])}>{line.level}</span>
      {source !== undefined && <span className="w-32 shrink-0 truncate pr-3 text-fg-3 max-md:hidden">{source}</span>}
      <span className={cx("pr-6", wrap && "min-w-0", line.level === "error" && "text-bad-fg")}>
        <Marked text={line.text} query={query} />
      </span>
    </div>
  );
});

/** Text with each place that matches marked. */
function Marked({ text, query }: { text: string; query: string }) {
  if (query === "") return text;
  const lower = text.toLowerCase();
  const wanted = query.toLowerCase();
  const parts: ReactNode[] = [];
  let from = 0;
  for (let hit = lower.indexOf(wanted); hit >= 0; hit = lower.indexOf(wanted, from)) {
    parts.push(text.slice(from, hit));
    from = hit + wanted.length;
    parts.push(
      <mark key={hit} className="rounded-[2px] bg-warn text-black">
        {text.slice(hit, from)}
      </mark>,
    );
  }
  parts.push(text.slice(from));
  return parts;
}
