import type { Schema } from "@/api/client";
import type { Series, TimeChartProps } from "@/kit/chart";
import { bytes, compact, duration, percent } from "@/lib/format";

type Replica = Schema<"DeploymentMetrics">["replicas"][number];

export type EngineChart = { title: string; series: Series[]; format: (value: number) => string } & Pick<
  TimeChartProps,
  "max"
>;

/** What the names of the vocabulary mean to people, in the order of their charts; others follow by their names. */
const titles: Record<string, string> = {
  requests_running: "Running in the engine",
  requests_waiting: "Waiting in the engine",
  kv_usage_ratio: "KV cache in use",
  batch_size: "Batch size",
  tokens_out_total: "Tokens out of the engine",
  tokens_in_total: "Tokens into the engine",
  ttft_seconds: "First token, mean in the engine",
  itl_seconds: "Between tokens, mean in the engine",
  tpot_seconds: "Time per token, mean in the engine",
  e2e_seconds: "Request, mean in the engine",
  queue_seconds: "Waiting, mean in the engine",
  prefill_seconds: "Prefill, mean",
  decode_seconds: "Decode, mean",
  compute_seconds: "Compute, mean",
  requests_ok_total: "Served by the engine",
  requests_error_total: "Failed in the engine",
  prefix_cache_hit_ratio: "Prefix cache hits",
  spec_accept_ratio: "Draft tokens accepted",
};
const order = Object.keys(titles);

function formatOf(name: string, unit: string): (value: number) => string {
  if (name.endsWith("_total")) return (value) => `${value < 10 ? Number(value.toFixed(2)) : compact(value)}/s`;
  if (name.endsWith("_ratio")) return (value) => percent(value);
  if (unit === "s") return (value) => duration(value * 1000);
  if (unit === "By") return bytes;
  return (value) => String(Number(value.toFixed(2)));
}

/** A chart for each metric that the engines of these replicas tell, with a line for each replica. */
export function engineCharts(replicas: readonly Replica[]): EngineChart[] {
  const charts = new Map<string, EngineChart>();
  for (const replica of replicas) {
    for (const { name, unit, values } of replica.engine) {
      const chart = charts.get(name) ?? {
        title: titles[name] ?? name.replaceAll("_", " "),
        series: [],
        format: formatOf(name, unit),
        max: name.endsWith("_ratio") ? 1 : undefined,
      };
      chart.series.push({ label: replica.replica_id.slice(-6), values: values.map((value) => value ?? null) });
      charts.set(name, chart);
    }
  }
  const place = (name: string) => (order.includes(name) ? order.indexOf(name) : order.length);
  return [...charts.entries()].sort(([a], [b]) => place(a) - place(b) || a.localeCompare(b)).map(([, chart]) => chart);
}
