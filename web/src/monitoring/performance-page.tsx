import { Link } from "@tanstack/react-router";
import { Gauge } from "lucide-react";
import { useState } from "react";
import type { Schema } from "@/api/client";
import { $api } from "@/api/queries";
import { useSession } from "@/identity/session";
import { Card } from "@/kit/card";
import { Page } from "@/kit/page";
import { Select } from "@/kit/select";
import { Empty, ErrorState, Forbidden, Loading } from "@/kit/states";
import { duration, percent } from "@/lib/format";

type Performance = Schema<"DeploymentPerformance">;

const windows = [
  { value: "15m", label: "Last 15 minutes" },
  { value: "1h", label: "Last hour" },
  { value: "6h", label: "Last 6 hours" },
  { value: "24h", label: "Last 24 hours" },
  { value: "7d", label: "Last 7 days" },
] as const;
type Window = (typeof windows)[number]["value"];

const pageSize = 100;
const everyMs = 15_000;

const shown = (value: number | undefined, show: (value: number) => string) => (value === undefined ? "–" : show(value));
const figure = (value: number) =>
  value >= 10 ? Math.round(value).toLocaleString("en-US") : String(Number(value.toFixed(2)));
const perSecond = (value: number) => `${figure(value)}/s`;

const columns: { heading: string; value: (row: Performance) => string }[] = [
  { heading: "Requests", value: (row) => shown(row.requests, figure) },
  { heading: "Rate", value: (row) => shown(row.requests_per_second, perSecond) },
  { heading: "Errors", value: (row) => shown(row.error_ratio, (value) => percent(value)) },
  { heading: "p50", value: (row) => shown(row.duration_p50_ms, duration) },
  { heading: "p95", value: (row) => shown(row.duration_p95_ms, duration) },
  { heading: "p99", value: (row) => shown(row.duration_p99_ms, duration) },
  { heading: "First token, p95", value: (row) => shown(row.first_token_p95_ms, duration) },
  { heading: "Between tokens, p95", value: (row) => shown(row.inter_token_p95_ms, duration) },
  { heading: "Tokens out", value: (row) => shown(row.tokens_out_per_second, perSecond) },
];

/** How all deployments did over a window, side by side. */
export function PerformancePage() {
  const { may } = useSession();
  const [window, setWindow] = useState<Window>("1h");
  const found = $api.useQuery(
    "get",
    "/api/v1/inference/performance",
    { params: { query: { window, page_size: pageSize } } },
    { enabled: may("monitoring:read"), refetchInterval: everyMs, retry: false },
  );
  return (
    <Page
      title="Monitoring"
      description="How deployments did, as their gateways saw it. A deployment's page has it over time, and its engines."
      actions={<Select label="Time range" value={window} onChange={setWindow} options={windows} />}
    >
      <div className="grid gap-4 px-4 pb-6 md:px-6 [&>*]:min-w-0">
        <Card aria-label="Performance" className="overflow-hidden">
          {!may("monitoring:read") ? (
            <Forbidden permission="monitoring:read" />
          ) : found.error ? (
            <ErrorState error={found.error} title="There are no figures to show" onRetry={() => void found.refetch()} />
          ) : !found.data ? (
            <Loading label="Figures load" />
          ) : found.data.items.length === 0 ? (
            <Empty icon={Gauge} title="Nothing is deployed yet">
              Requests, latency and tokens of each deployment show here.
            </Empty>
          ) : (
            <Figures rows={found.data.items} />
          )}
        </Card>
        {found.data?.next_page_token && <p className="text-xs text-fg-3">The first {pageSize} deployments by name.</p>}
      </div>
    </Page>
  );
}

function Figures({ rows }: { rows: readonly Performance[] }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
    <div className="overflow-x-auto" tabIndex={0} role="region" aria-label="Figures of each deployment">
      <table className="w-full text-sm">
        <thead className="text-left text-xs text-fg-3">
          <tr>
            <th scope="col" className="px-4 py-2 font-medium">
              Deployment
            </th>
            {columns.map((column) => (
              <th key={column.heading} scope="col" className="px-3 py-2 text-right font-medium whitespace-nowrap">
                {column.heading}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="tnum">
          {rows.map((row) => (
            <tr key={row.deployment_id} className="border-t border-line">
              <th scope="row" className="px-4 py-2 text-left font-medium">
                <Link
                  to="/modelops/deployments/$deployment"
                  params={{ deployment: row.name }}
                  className="hover:underline"
                >
                  {row.name}
                </Link>
              </th>
              {columns.map((column) => (
                <td key={column.heading} className="px-3 py-2 text-right whitespace-nowrap">
                  {column.value(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
