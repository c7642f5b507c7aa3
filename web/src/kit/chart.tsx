import { ChartLine, Table2 } from "lucide-react";
import { lazy, type ReactNode, Suspense, useMemo, useState } from "react";
import { lastOf, type Values, withGaps } from "@/kit/chart-data";
import { IconButton } from "@/kit/icon-button";
import { Skeleton } from "@/kit/skeleton";
import { cx } from "@/lib/cx";
import { clock, dateTime } from "@/lib/format";

const ChartPlot = lazy(() => import("@/kit/chart-plot"));

export type Series = {
  label: string;
  values: Values;
  /** A colour token, "--c1" to "--c6"; by default by its place. */
  color?: string;
  dashed?: boolean;
};
export type Threshold = { value: number; label: string };

export type TimeChartProps = {
  title: string;
  /** Beside the title: the unit, the time range. */
  sub?: ReactNode;
  /** Seconds since 1970, ascending. */
  times: readonly number[];
  series: readonly Series[];
  format?: (value: number) => string;
  /** area fills under each line; stacked puts them on top of each other. */
  kind?: "line" | "area" | "stacked";
  threshold?: Threshold;
  /** The top of the scale where it is fixed: 1 for a share. */
  max?: number;
  /** Lines break between samples farther apart than this many seconds. */
  maxGap?: number;
  /** Charts with the same key share their cursor. */
  syncKey?: string;
  height?: number;
  /** A time range was drawn: seconds. Without it the chart itself zooms, and a double click shows all again. */
  onRange?: (from: number, to: number) => void;
};

const tableRows = 300;

/** Values over time. The legend shows them at the cursor, or the latest; the same numbers are there as a table. */
export function TimeChart(props: TimeChartProps) {
  const { title, sub, times, series, format = String, threshold, maxGap, height = 150 } = props;
  const [at, setAt] = useState<number | null>(null);
  const [asTable, setAsTable] = useState(false);
  const data = useMemo(() => {
    const values = series.map((one) => one.values);
    return maxGap === undefined ? { times, series: values } : withGaps(times, values, maxGap);
  }, [times, series, maxGap]);
  const colors = series.map((one, index) => one.color ?? `--c${(index % 6) + 1}`);
  const shown = (index: number) => {
    const values = data.series[index]!;
    const value = at === null ? lastOf(values) : (values[at] ?? null);
    return value === null ? "–" : format(value);
  };
  const summary = [
    ...series.map((one, index) => {
      const value = lastOf(data.series[index]!);
      return `${one.label} ${value === null ? "unknown" : format(value)}`;
    }),
    threshold && `threshold ${threshold.label}`,
  ];

  return (
    <figure className="min-w-0 rounded-lg border border-line bg-surface p-4 pb-2 shadow-card" aria-label={title}>
      <figcaption className="flex min-h-7 flex-wrap items-center gap-x-3 gap-y-1 pb-2">
        <span className="font-medium">{title}</span>
        {sub && <span className="text-xs text-fg-3">{sub}</span>}
        <span className="ml-auto flex flex-wrap items-center gap-x-3 text-xs">
          {at !== null && <span className="tnum text-fg-3">{clock(data.times[at]! * 1000)}</span>}
          {series.map((one, index) => (
            <span key={one.label} className="inline-flex items-center gap-1.5">
              <svg aria-hidden="true" width="12" height="4">
                <line
                  x1="0"
                  y1="2"
                  x2="12"
                  y2="2"
                  stroke={`var(${colors[index]})`}
                  strokeWidth="2"
                  strokeDasharray={one.dashed ? "3 2" : undefined}
                />
              </svg>
              <span className="text-fg-2">{one.label}</span>
              <span className="tnum min-w-10 text-right font-medium">{shown(index)}</span>
            </span>
          ))}
        </span>
        <IconButton
          label={asTable ? `${title} as a chart` : `${title} as a table`}
          aria-pressed={asTable}
          onClick={() => setAsTable(!asTable)}
          className="-my-1 -mr-1.5 size-7"
        >
          {asTable ? <ChartLine aria-hidden className="size-3.5" /> : <Table2 aria-hidden className="size-3.5" />}
        </IconButton>
      </figcaption>
      {asTable ? (
        <ValueTable
          title={title}
          times={data.times}
          series={series}
          values={data.series}
          format={format}
          height={height}
        />
      ) : (
        <div role="img" aria-label={`${title}: ${summary.filter(Boolean).join(", ")}`} style={{ minHeight: height }}>
          {times.length === 0 ? (
            <p className="grid place-items-center text-fg-3" style={{ height }}>
              No samples in this time range
            </p>
          ) : (
            <Suspense fallback={<Skeleton className="w-full" />}>
              <ChartPlot
                times={data.times}
                values={data.series}
                colors={colors}
                dashed={series.map((one) => one.dashed === true)}
                format={format}
                kind={props.kind ?? "line"}
                threshold={threshold}
                max={props.max}
                syncKey={props.syncKey}
                height={height}
                onRange={props.onRange}
                onCursor={setAt}
              />
            </Suspense>
          )}
        </div>
      )}
    </figure>
  );
}

type ValueTableProps = {
  title: string;
  times: readonly number[];
  series: readonly Series[];
  values: readonly Values[];
  format: (value: number) => string;
  height: number;
};

/** The newest values first. */
function ValueTable({ title, times, series, values, format, height }: ValueTableProps) {
  const from = Math.max(0, times.length - tableRows);
  const rows = times
    .slice(from)
    .map((time, index) => ({ time, index: from + index }))
    .reverse();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
    <div className="overflow-auto" style={{ height }} tabIndex={0} role="region" aria-label={`${title}, values`}>
      <table className="w-full text-xs">
        <thead className="sticky top-0 bg-surface text-left text-fg-3">
          <tr>
            <th scope="col" className="py-1 pr-4 font-medium">
              Time
            </th>
            {series.map((one) => (
              <th key={one.label} scope="col" className="py-1 pl-4 text-right font-medium">
                {one.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="tnum">
          {rows.map(({ time, index }) => (
            <tr key={time} className="border-t border-line">
              <th scope="row" className="py-0.5 pr-4 text-left font-normal text-fg-2">
                {dateTime(time * 1000)}
              </th>
              {values.map((one, which) => (
                <td
                  key={series[which]!.label}
                  className={cx("py-0.5 pl-4 text-right", one[index] == null && "text-fg-3")}
                >
                  {one[index] == null ? "–" : format(one[index]!)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
