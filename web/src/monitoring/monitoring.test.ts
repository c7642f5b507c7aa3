import { expect, test } from "vitest";
import { engineCharts } from "./engine-charts";
import { asMetrics, type History } from "./history";

const history: History = {
  deployment_id: "dep_1",
  step: 60,
  times: ["2026-11-26T00:00:00Z", "2026-11-26T00:01:00Z"],
  series: [
    { metric: "requests_per_second", unit: "1/s", values: [1, null] },
    { metric: "memory_bytes", unit: "By", replica_id: "rep_abcdef", values: [10, 20] },
    { metric: "kv_usage_ratio", unit: "1", replica_id: "rep_abcdef", values: [0.25, 0.5] },
    { metric: "tokens_out_total", unit: "token/s", replica_id: "rep_abcdef", values: [3, 4000] },
    { metric: "unheard_of", unit: "1", replica_id: "rep_abcdef", values: [1, 2] },
    { metric: "requests_running", unit: "1", replica_id: "rep_ghijkl", values: [null, 2] },
  ],
};

test("history takes the form of the live metrics", () => {
  const metrics = asMetrics(history);
  expect(metrics.times).toEqual(history.times);
  expect(metrics.traffic.requests_per_second).toEqual([1, null]);
  expect(metrics.traffic.duration_p95_ms, "what nothing is known of is empty").toEqual([null, null]);
  expect(metrics.replicas.map((replica) => replica.replica_id)).toEqual(["rep_abcdef", "rep_ghijkl"]);
  expect(metrics.replicas[0]?.memory_bytes).toEqual([10, 20]);
  expect(metrics.replicas[0]?.cpu_cores).toEqual([null, null]);
});

test("what engines tell has a chart each, the known ones first", () => {
  const charts = engineCharts(asMetrics(history).replicas);
  expect(charts.map((chart) => chart.title)).toEqual([
    "Running in the engine",
    "KV cache in use",
    "Tokens out of the engine",
    "unheard of",
  ]);
  const [running, cache, tokens] = charts;
  expect(running?.series).toEqual([{ label: "ghijkl", values: [null, 2] }]);
  expect(cache?.format(0.5)).toBe("50%");
  expect(cache?.max).toBe(1);
  expect(tokens?.format(4000)).toBe("4K/s");
});

test("an engine that tells nothing has no chart", () => {
  expect(engineCharts([{ replica_id: "rep_1", cpu_cores: [], memory_bytes: [], engine: [] }])).toEqual([]);
});
