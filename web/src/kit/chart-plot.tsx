import { useEffect, useMemo, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import type { Threshold } from "@/kit/chart";
import { stack, type Values } from "@/kit/chart-data";
import { clock } from "@/lib/format";
import { cssVar, useTheme } from "@/lib/theme";

type ChartPlotProps = {
  times: readonly number[];
  values: readonly Values[];
  colors: readonly string[];
  dashed: readonly boolean[];
  format: (value: number) => string;
  kind: "line" | "area" | "stacked";
  threshold?: Threshold;
  max?: number;
  syncKey?: string;
  height: number;
  onRange?: (from: number, to: number) => void;
  onCursor: (index: number | null) => void;
};

const day = new Intl.DateTimeFormat("en-US", { month: "short", day: "numeric" });

/** The canvas of a TimeChart: loaded only where there is one. */
export default function ChartPlot(props: ChartPlotProps) {
  const { times, values, colors, dashed, kind, threshold, max, syncKey, height } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const theme = useTheme();
  const data = useMemo(
    // The topmost of a stack is drawn first, the lower ones over it.
    () => [times, ...(kind === "stacked" ? stack(values).reverse() : values)] as unknown as uPlot.AlignedData,
    [times, values, kind],
  );

  // The plot is made anew when its looks change; data flows through setData.
  const look = JSON.stringify([theme, colors, dashed, kind, threshold, max, syncKey, height]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `look` has them all
  useEffect(() => {
    const node = place.current!;
    const made = new uPlot(options(node.clientWidth, latest), data, node);
    plot.current = made;
    const resized = new ResizeObserver(() => made.setSize({ width: node.clientWidth, height }));
    resized.observe(node);
    return () => {
      resized.disconnect();
      made.destroy();
      plot.current = null;
      latest.current.onCursor(null);
    };
  }, [look]);

  useEffect(() => plot.current?.setData(data), [data]);
  return <div ref={place} className="w-full" />;
}

/** Values between two gaps, which no line would show. */
function lonely(plot: uPlot, index: number): number[] {
  const values = plot.data[index] ?? [];
  return [...values.keys()].filter((i) => values[i] != null && values[i - 1] == null && values[i + 1] == null);
}

function options(width: number, latest: { current: ChartPlotProps }): uPlot.Options {
  const { colors, dashed, kind, threshold, max, syncKey, height, onRange } = latest.current;
  const text = cssVar("--fg-3");
  const font = `11px ${cssVar("--font-sans") || "sans-serif"}`;
  const order = colors.map((_, index) => index);
  if (kind === "stacked") order.reverse();
  const series = order.map((index): uPlot.Series => {
    const color = cssVar(colors[index]!);
    const fill = {
      line: undefined,
      area: `color-mix(in oklch, ${color} 12%, transparent)`,
      // opaque: what lies under it belongs to the next of the stack
      stacked: `color-mix(in oklch, ${color} 35%, ${cssVar("--surface")})`,
    }[kind];
    const points = { show: true, size: 4, fill: color, filter: lonely };
    return { stroke: color, width: 1.5, points, dash: dashed[index] ? [4, 4] : undefined, fill };
  });
  return {
    width,
    height,
    padding: [8, 4, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      points: { size: 6 },
      sync: syncKey === undefined ? undefined : { key: syncKey },
      drag: { x: true, y: false, setScale: onRange === undefined },
    },
    scales: {
      x: { time: true },
      y: {
        range: (_plot, _low, high) => {
          const top = Math.max(high || 0, threshold?.value ?? 0);
          return [0, max ?? (top || 1) * 1.12];
        },
      },
    },
    axes: [
      {
        stroke: text,
        font,
        grid: { show: false },
        ticks: { show: false },
        size: 24,
        space: 70,
        values: (_plot, splits, _axis, _space, step) => splits.map((time) => timeLabel(time, step)),
      },
      {
        stroke: text,
        font,
        grid: { stroke: cssVar("--line"), width: 1 },
        ticks: { show: false },
        size: (plot, labels) => (labels === null ? 46 : widest(plot, labels)),
        space: 34,
        values: (_plot, splits) => splits.map((value) => latest.current.format(value)),
      },
    ],
    series: [{}, ...series],
    hooks: {
      draw: threshold ? [(plot) => drawThreshold(plot, threshold)] : [],
      setCursor: [(plot) => latest.current.onCursor(plot.cursor.idx ?? null)],
      setSelect: [
        (plot) => {
          const { left, width: chosen } = plot.select;
          if (!latest.current.onRange || chosen < 5) return;
          latest.current.onRange(plot.posToVal(left, "x"), plot.posToVal(left + chosen, "x"));
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}

function timeLabel(seconds: number, step: number) {
  if (step >= 86_400) return day.format(seconds * 1000);
  return clock(seconds * 1000).slice(0, step < 60 ? 8 : 5);
}

/** The room that the labels of the value axis need, in CSS pixels. */
function widest(plot: uPlot, labels: string[]) {
  plot.ctx.save();
  plot.ctx.font = `${11 * devicePixelRatio}px ${cssVar("--font-sans") || "sans-serif"}`;
  const width = Math.max(...labels.map((label) => plot.ctx.measureText(label ?? "").width));
  plot.ctx.restore();
  return Math.ceil(width / devicePixelRatio) + 12;
}

function drawThreshold(plot: uPlot, { value, label }: Threshold) {
  const { ctx, bbox } = plot;
  const y = plot.valToPos(value, "y", true);
  ctx.save();
  ctx.strokeStyle = cssVar("--bad");
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.font = `${10.5 * devicePixelRatio}px ${cssVar("--font-sans") || "sans-serif"}`;
  ctx.textAlign = "left";
  ctx.textBaseline = "bottom";
  // a rim, so that it can be read where it crosses a line
  ctx.setLineDash([]);
  ctx.lineWidth = 4 * devicePixelRatio;
  ctx.lineJoin = "round";
  ctx.strokeStyle = cssVar("--surface");
  ctx.strokeText(label, bbox.left + 6 * devicePixelRatio, y - 3 * devicePixelRatio);
  ctx.fillStyle = cssVar("--bad-fg");
  ctx.fillText(label, bbox.left + 6 * devicePixelRatio, y - 3 * devicePixelRatio);
  ctx.restore();
}
