import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useSession } from "@/identity/session";
import { Card, CardHead } from "@/kit/card";
import { type Series, TimeChart } from "@/kit/chart";
import { Select } from "@/kit/select";
import { Skeleton } from "@/kit/skeleton";
import { ErrorState, Forbidden } from "@/kit/states";
import { cx } from "@/lib/cx";
import { bytes, compact, duration, percent } from "@/lib/format";
import { engineCharts } from "@/monitoring/engine-charts";
import { asMetrics, useHistory } from "@/monitoring/history";
import { EventList } from "./events-tab";
import { type Deployment, historyWindow, type Metrics, useMetrics, useReplicas, type Window, windows } from "./queries";
import { ReplicaTable } from "./replicas-tab";

type Values = readonly (number | null | undefined)[];
const known = (values: Values): (number | null)[] => values.map((value) => value ?? null);
const last = (values: Values) => values.findLast((value) => value !== null && value !== undefined) ?? undefined;

const rate = (value: number) => `${value >= 10 ? Math.round(value) : Number(value.toFixed(2))}/s`;
const cores = (value: number) => `${value.toFixed(2)} cores`;

export function OverviewTab({ deployment }: { deployment: Deployment }) {
  const { may } = useSession();
  const [window, setWindow] = useState<Window>("15m");
  const past = window === historyWindow.value;
  // The figures at the top are always of now.
  const metrics = useMetrics(deployment.id, past ? "15m" : window, may("monitoring:read"));
  const history = useHistory(deployment.id, historyWindow.seconds, past && may("monitoring:read"));
  const shown = past ? history : metrics;
  const replicas = useReplicas(deployment.id);
  return (
    <div className="grid gap-4 [&>*]:min-w-0">
      <Figures metrics={metrics.data} interface_={deployment.interface} />
      <div className="flex flex-wrap items-center gap-3">
        <h2 className="text-base font-semibold">Serving</h2>
        <span className="text-xs text-fg-3">
          {past ? "As Prometheus keeps it" : "Measured by gateways and agents, every 5 seconds"}
        </span>
        <span className="ml-auto">
          <Select label="Time range" value={window} onChange={setWindow} options={windows} />
        </span>
      </div>
      {!may("monitoring:read") ? (
        <Card>
          <Forbidden permission="monitoring:read" />
        </Card>
      ) : shown.error && !shown.data ? (
        <Card>
          <ErrorState
            error={shown.error}
            title={past ? "There is no history to show" : "The measurements could not be loaded"}
            onRetry={() => void shown.refetch()}
          />
        </Card>
      ) : (
        <Charts metrics={past ? history.data && asMetrics(history.data) : metrics.data} deployment={deployment} />
      )}
      <div className="grid gap-4 xl:grid-cols-[1.5fr_1fr] [&>*]:min-w-0">
        <Card aria-label="Replicas" className="overflow-hidden">
          <CardHead title="Replicas" sub={`${deployment.replicas_ready} of ${deployment.replicas_desired} ready`} />
          <ReplicaTable query={replicas} revision={deployment.revision} />
        </Card>
        <Card aria-label="Recent events" className="overflow-hidden">
          <CardHead title="Recent events">
            <Link
              from="/modelops/deployments/$deployment"
              search={{ tab: "events" }}
              className="text-xs text-fg-2 hover:underline"
            >
              All events
            </Link>
          </CardHead>
          <EventList deployment={deployment} brief />
        </Card>
      </div>
    </div>
  );
}

/** The newest of each figure, in one strip. */
function Figures({ metrics, interface_ }: { metrics: Metrics | undefined; interface_: string }) {
  const traffic = metrics?.traffic;
  const now = (values: Values | undefined, show: (value: number) => string) => {
    const value = values && last(values);
    return value === undefined ? "–" : show(value);
  };
  const errors = traffic && last(traffic.error_ratio);
  const speaks = interface_ === "chat" || interface_ === "completion";
  const figures: { label: string; value: string; note: string; warn?: boolean }[] = [
    {
      label: "Requests",
      value: now(traffic?.requests_per_second, rate),
      note: `${now(traffic?.in_flight, (value) => value.toFixed(1))} under way`,
    },
    {
      label: "Latency, p95",
      value: now(traffic?.duration_p95_ms, duration),
      note: `p50 ${now(traffic?.duration_p50_ms, duration)}`,
    },
    {
      label: "Errors",
      value: now(traffic?.error_ratio, (value) => percent(value)),
      note: `${now(traffic?.client_error_ratio, (value) => percent(value))} refused`,
      warn: errors !== undefined && errors !== null && errors > 0.01,
    },
    speaks
      ? {
          label: "First token, p50",
          value: now(traffic?.first_token_p50_ms, duration),
          note: `${now(traffic?.inter_token_p50_ms, duration)} between tokens`,
        }
      : {
          label: "Latency, p99",
          value: now(traffic?.duration_p99_ms, duration),
          note: "the slowest of a hundred",
        },
    ...(speaks
      ? [
          {
            label: "Tokens out",
            value: now(traffic?.tokens_out_per_second, rate),
            note: `${now(traffic?.tokens_in_per_second, rate)} in`,
          },
        ]
      : []),
    {
      label: "Queue",
      value: now(traffic?.queue_depth, (value) => value.toFixed(1)),
      note: "waiting for a replica",
    },
  ];
  return (
    <dl className="grid grid-cols-2 rounded-lg border border-line bg-surface shadow-card sm:grid-cols-3 xl:auto-cols-fr xl:grid-flow-col xl:grid-cols-none xl:divide-x xl:divide-line">
      {figures.map((figure) => (
        <div key={figure.label} className="px-4 py-3">
          <dt className="text-xs text-fg-3">{figure.label}</dt>
          <dd className={cx("tnum mt-0.5 h-7 text-lg font-semibold tracking-tight", figure.warn && "text-warn-fg")}>
            {metrics ? figure.value : <Skeleton className="h-4 w-16" />}
          </dd>
          <dd className="tnum text-xs text-fg-3">{metrics ? figure.note : " "}</dd>
        </div>
      ))}
    </dl>
  );
}

function Charts({ metrics, deployment }: { metrics: Metrics | undefined; deployment: Deployment }) {
  if (!metrics)
    return (
      <div className="grid gap-4 lg:grid-cols-2" aria-busy="true">
        {["latency", "requests", "errors", "cpu"].map((chart) => (
          <Skeleton key={chart} className="h-52 w-full rounded-lg" />
        ))}
      </div>
    );
  const { traffic, replicas } = metrics;
  const times = metrics.times.map((time) => Date.parse(time) / 1000);
  const speaks = deployment.interface === "chat" || deployment.interface === "completion";
  const perReplica = (pick: (replica: (typeof replicas)[number]) => Values): Series[] =>
    replicas.map((replica) => ({ label: replica.replica_id.slice(-6), values: known(pick(replica)) }));
  const charts: {
    title: string;
    series: Series[];
    format: (value: number) => string;
    kind?: "line" | "area" | "stacked";
    max?: number;
  }[] = [
    {
      title: "Latency",
      format: duration,
      series: [
        { label: "p95", values: known(traffic.duration_p95_ms) },
        { label: "p50", values: known(traffic.duration_p50_ms), color: "--c2" },
        { label: "p99", values: known(traffic.duration_p99_ms), color: "--c6", dashed: true },
      ],
    },
    {
      title: "Requests",
      format: rate,
      kind: "area",
      series: [{ label: "requests", values: known(traffic.requests_per_second) }],
    },
    {
      title: "Errors",
      format: (value) => percent(value),
      kind: "area",
      series: [
        { label: "failed", values: known(traffic.error_ratio), color: "--c5" },
        { label: "refused", values: known(traffic.client_error_ratio), color: "--c3", dashed: true },
      ],
    },
    {
      title: "Queue",
      format: (value) => value.toFixed(1),
      series: [
        { label: "under way", values: known(traffic.in_flight) },
        { label: "waiting", values: known(traffic.queue_depth), color: "--c3" },
      ],
    },
    ...(speaks
      ? [
          {
            title: "First token",
            format: duration,
            series: [
              { label: "p95", values: known(traffic.first_token_p95_ms) },
              { label: "p50", values: known(traffic.first_token_p50_ms), color: "--c2" },
              { label: "between tokens", values: known(traffic.inter_token_p50_ms), color: "--c6", dashed: true },
            ],
          },
          {
            title: "Tokens",
            format: (value: number) => `${compact(value)}/s`,
            series: [
              { label: "out", values: known(traffic.tokens_out_per_second) },
              { label: "in", values: known(traffic.tokens_in_per_second), color: "--c2" },
            ],
          },
        ]
      : []),
    { title: "CPU per replica", format: cores, series: perReplica((replica) => replica.cpu_cores) },
    { title: "Memory per replica", format: bytes, series: perReplica((replica) => replica.memory_bytes) },
    ...engineCharts(replicas),
  ];
  return (
    <div className="grid gap-4 lg:grid-cols-2">
      {charts.map((chart) => (
        <TimeChart
          key={chart.title}
          title={chart.title}
          times={times}
          series={chart.series}
          format={chart.format}
          kind={chart.kind}
          max={chart.max}
          syncKey={deployment.id}
        />
      ))}
    </div>
  );
}
