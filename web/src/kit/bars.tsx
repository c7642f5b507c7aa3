import { cx } from "@/lib/cx";
import { percent } from "@/lib/format";

export type Bar = { label: string; value: number };

type BarsProps = {
  /** "Probabilities" */
  label: string;
  bars: readonly Bar[];
  /** What fills the width; by default 1, for probabilities. */
  max?: number;
  format?: (value: number) => string;
};

/** Amounts side by side: probabilities, shares. The largest stands out. */
export function Bars({ label, bars, max = 1, format = (value) => percent(value) }: BarsProps) {
  const largest = Math.max(...bars.map((bar) => bar.value));
  return (
    <ul aria-label={label} className="grid gap-1.5">
      {bars.map((bar) => {
        const top = bar.value === largest;
        return (
          <li key={bar.label} className="grid grid-cols-[minmax(1.5rem,max-content)_1fr_4rem] items-center gap-3">
            <span className={cx("truncate text-right", top ? "font-medium" : "text-fg-2")}>{bar.label}</span>
            <svg aria-hidden="true" height="8" width="100%" className="overflow-hidden rounded-sm bg-hover">
              <rect
                width={`${Math.max(0, Math.min(1, bar.value / max)) * 100}%`}
                height="8"
                fill={top ? "var(--c1)" : "var(--line-strong)"}
              />
            </svg>
            <span className={cx("tnum text-right", top ? "font-medium" : "text-fg-3")}>{format(bar.value)}</span>
          </li>
        );
      })}
    </ul>
  );
}
