import { Progress as BaseProgress } from "@base-ui/react/progress";
import type { ReactNode } from "react";
import { cx } from "@/lib/cx";
import { percent } from "@/lib/format";

type ProgressProps = {
  label: ReactNode;
  /** 0 to 1; null while nobody knows. */
  value: number | null;
  /** At the end of the row instead of the percentage: "4 min left". */
  note?: ReactNode;
  /** Under the bar: the step that runs. */
  detail?: ReactNode;
  tone?: "run" | "ok" | "bad";
  /** The label is only read out. */
  bare?: boolean;
};

export function Progress({ label, value, note, detail, tone = "run", bare = false }: ProgressProps) {
  return (
    <BaseProgress.Root
      value={value === null ? null : Math.round(value * 1000) / 10}
      className="grid grid-cols-1 gap-1.5"
    >
      <div className={cx("flex items-baseline gap-3", bare && "sr-only")}>
        <BaseProgress.Label className="min-w-0 truncate text-sm font-medium">{label}</BaseProgress.Label>
        <span className="tnum ml-auto shrink-0 text-xs text-fg-3">
          {note ?? (value === null ? "" : percent(value, 0))}
        </span>
      </div>
      <BaseProgress.Track className="h-1 overflow-hidden rounded-full bg-line">
        <BaseProgress.Indicator
          className={cx(
            "h-full rounded-full transition-[width] duration-100",
            value === null && "pulse w-full",
            tone === "run" && "bg-run",
            tone === "ok" && "bg-ok",
            tone === "bad" && "bg-bad",
          )}
        />
      </BaseProgress.Track>
      {detail && <div className="text-xs text-fg-2">{detail}</div>}
    </BaseProgress.Root>
  );
}
