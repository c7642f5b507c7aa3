import type { KeyboardEvent } from "react";
import type { Bucket } from "@/kit/log-buffer";
import { clock, plural } from "@/lib/format";

type LogScrubberProps = {
  buckets: readonly Bucket[];
  /** The time of the first line in view. */
  ms: number | undefined;
  onJump: (ms: number) => void;
};

const height = 40;
const total = ({ counts }: Bucket) => counts.error + counts.warn + counts.info + counts.debug;
const troubles = ({ counts }: Bucket) => counts.error + counts.warn;

/** Where in time the errors are; a click or the arrow keys go there. */
export function LogScrubber({ buckets, ms, onJump }: LogScrubberProps) {
  const first = buckets[0];
  const last = buckets.at(-1);
  if (!first || !last) return null;
  const most = Math.max(...buckets.map(total));
  // Few errors among many lines must still be seen: they have a scale of their own.
  const worst = Math.max(1, ...buckets.map(troubles));
  const width = 100 / buckets.length;
  const at = Math.max(
    0,
    buckets.findLastIndex((bucket) => ms !== undefined && bucket.from <= ms),
  );
  const jump = (index: number) => onJump(buckets[Math.max(0, Math.min(buckets.length - 1, index))]!.from);
  const nextTrouble = (by: 1 | -1) => {
    for (let index = at + by; index >= 0 && index < buckets.length; index += by)
      if (buckets[index]!.counts.error > 0) return index;
    return at;
  };
  const moves: Record<string, () => number> = {
    ArrowRight: () => at + 1,
    ArrowUp: () => at + 1,
    ArrowLeft: () => at - 1,
    ArrowDown: () => at - 1,
    PageUp: () => nextTrouble(1),
    PageDown: () => nextTrouble(-1),
    Home: () => 0,
    End: () => buckets.length - 1,
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const to = moves[event.key];
    if (!to) return;
    event.preventDefault();
    jump(to());
  };
  const here = buckets[at]!;
  return (
    <div className="border-y border-line bg-surface px-4 pt-2 pb-1.5 md:px-6">
      <div
        role="slider"
        tabIndex={0}
        aria-label="Time in the log"
        aria-valuemin={0}
        aria-valuemax={buckets.length - 1}
        aria-valuenow={at}
        aria-valuetext={`${clock(here.from)}, ${plural(here.counts.error, "error")}, ${plural(here.counts.warn, "warning")}`}
        onKeyDown={onKeyDown}
        onPointerDown={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          jump(Math.floor(((event.clientX - box.left) / box.width) * buckets.length));
        }}
        className="cursor-pointer"
      >
        <svg aria-hidden="true" width="100%" height={height} viewBox={`0 0 100 ${height}`} preserveAspectRatio="none">
          {buckets.map((bucket, index) => {
            const lines = (total(bucket) / most) * height * 0.38;
            const errors = (bucket.counts.error / worst) * height;
            const warnings = (bucket.counts.warn / worst) * height;
            const shape = { x: index * width, width: width * 0.9 };
            return (
              <g key={bucket.from}>
                <rect {...shape} y={height - lines} height={lines} fill="var(--line-strong)" />
                <rect {...shape} y={height - errors - warnings} height={warnings} fill="var(--warn)" />
                <rect {...shape} y={height - errors} height={errors} fill="var(--bad)" />
              </g>
            );
          })}
          <rect x={at * width} width={width} height={height} fill="var(--accent)" opacity="0.25" />
        </svg>
      </div>
      <div aria-hidden className="tnum mt-1 flex justify-between text-2xs text-fg-3">
        <span>{clock(first.from)}</span>
        <span>{clock((first.from + last.to) / 2)}</span>
        <span>{clock(last.to)}</span>
      </div>
    </div>
  );
}
