import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Rocket } from "lucide-react";
import { useMemo } from "react";
import type { Schema } from "@/api/client";
import { and, contains, oneOf } from "@/api/filter";
import { $api, useList } from "@/api/queries";
import { useSession } from "@/identity/session";
import { Badge } from "@/kit/badge";
import { buttonClass } from "@/kit/button";
import type { Column } from "@/kit/data-table";
import { Spark } from "@/kit/spark";
import { Empty } from "@/kit/states";
import { type DeploymentState, deploymentState, Status } from "@/kit/status";
import { Time } from "@/kit/time";
import { count, duration, percent } from "@/lib/format";
import { ListPage } from "@/shell/list-page";
import { engineName } from "@/targets/queries";
import { type Deployment, metricsEveryMs } from "./queries";

type Summary = Schema<"DeploymentMetricsSummary">;
type Row = Deployment & { metrics?: Summary };

const columns: Column<Row>[] = [
  {
    id: "deployment",
    header: "Deployment",
    width: "minmax(12rem, 1.6fr)",
    sort: "name",
    cell: (row) => (
      <span className="block min-w-0 leading-4.5">
        <span className="block truncate font-medium">{row.name}</span>
        <span className="block truncate font-mono text-2xs text-fg-3">
          {row.model}:v{row.version_number}
        </span>
      </span>
    ),
  },
  {
    id: "state",
    header: "State",
    width: "minmax(9rem, 1fr)",
    sort: "state",
    card: "aside",
    cell: (row) => (
      <span className="block min-w-0" title={row.reason?.message}>
        <Status state={deploymentState(row.state)} />
      </span>
    ),
  },
  {
    id: "replicas",
    header: "Replicas",
    width: "5rem",
    cell: (row) => (
      <span className="tnum text-fg-2">
        {row.replicas_ready} of {row.replicas_desired}
      </span>
    ),
  },
  {
    id: "environment",
    yields: 2,
    header: "Environment",
    width: "8rem",
    sort: "environment",
    cell: (row) => <Badge>{row.environment}</Badge>,
  },
  {
    id: "target",
    yields: 1,
    header: "Target",
    width: "minmax(6rem, .8fr)",
    cell: (row) => <span className="truncate text-fg-2">{row.target}</span>,
  },
  {
    id: "engine",
    header: "Engine",
    width: "minmax(7rem, .8fr)",
    optional: true,
    cell: (row) => <span className="truncate text-fg-2">{engineName(row.engine)}</span>,
  },
  {
    id: "requests",
    header: "Requests",
    width: "5.5rem",
    align: "end",
    cell: (row) => <Figure value={row.metrics?.requests_per_second} show={(value) => `${perSecond(value)}/s`} />,
  },
  {
    id: "latency",
    header: "p95",
    width: "4.5rem",
    align: "end",
    cell: (row) => <Figure value={row.metrics?.duration_p95_ms} show={duration} />,
  },
  {
    id: "errors",
    yields: 5,
    header: "Errors",
    width: "4.5rem",
    align: "end",
    cell: (row) => (
      <Figure value={row.metrics?.error_ratio} show={(value) => percent(value)} bad={(value) => value > 0.01} />
    ),
  },
  {
    id: "trend",
    yields: 4,
    header: "15 minutes",
    width: "5.5rem",
    card: "none",
    cell: (row) => <Spark values={(row.metrics?.sparkline ?? []).map((value) => value ?? null)} />,
  },
  {
    id: "updated",
    yields: 3,
    header: "Changed",
    width: "5.5rem",
    sort: "updated_at",
    descendingFirst: true,
    cell: (row) => <Time value={row.updated_at} className="tnum text-fg-2" />,
  },
];

const perSecond = (value: number) => (value >= 10 ? count(value) : Number(value.toFixed(value >= 1 ? 1 : 2)));

type FigureProps = { value: number | undefined; show: (value: number) => string; bad?: (value: number) => boolean };

function Figure({ value, show, bad }: FigureProps) {
  if (value === undefined) return <span className="text-fg-3">–</span>;
  return <span className={bad?.(value) ? "text-warn-fg" : "text-fg-2"}>{show(value)}</span>;
}

const states: DeploymentState[] = ["healthy", "provisioning", "degraded", "failed", "pending", "stopped", "deleting"];
const stateOptions = states.map((value) => ({ value, label: <Status state={deploymentState(value)} /> }));
const none: string[] = [];
const everything = { q: "", state: none, environment: none, target: none };

export function DeploymentsPage() {
  const search = useSearch({ from: "/modelops/deployments/" });
  const { q = "", state = none, environment = none, target = none, order = "created_at desc" } = search;
  const navigate = useNavigate({ from: "/modelops/deployments/" });
  const set = (change: typeof search) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true });
  const { may } = useSession();
  const filter = and(
    q && contains("name", q),
    oneOf("state", state),
    oneOf("environment", environment),
    oneOf("target", target),
  );
  const deployments = useList("/api/v1/deployments", { query: { filter, order_by: order, page_size: 100 } });
  const facets = $api.useQuery("get", "/api/v1/deployments/facets", {
    params: { query: q ? { filter: contains("name", q) } : {} },
  });
  const metrics = useList(
    "/api/v1/monitoring/deployments",
    { query: { filter, order_by: order, page_size: 100 } },
    { enabled: may("monitoring:read"), refetchInterval: metricsEveryMs },
  );
  const rows = useMemo(() => {
    const found = new Map(metrics.data?.map((row) => [row.deployment_id, row]));
    return deployments.data?.map((row) => ({ ...row, metrics: found.get(row.id) }));
  }, [deployments.data, metrics.data]);
  const optionsOf = (field: string) => facets.data?.facets.find((facet) => facet.field === field)?.values ?? [];
  const named = (field: string) => optionsOf(field).map((one) => ({ ...one, label: one.value }));
  const countOf = (value: string) => optionsOf("state").find((one) => one.value === value)?.count ?? 0;
  const create = may("deployments:write") && (
    <Link to="/modelops/deployments/create" className={buttonClass("primary")}>
      <Rocket aria-hidden className="size-4" />
      Create deployment
    </Link>
  );
  return (
    <ListPage
      title="Deployments"
      description="Versions that run, and how they answer."
      actions={create}
      what="deployment"
      placeholder="Filter by name"
      list={{
        ...deployments,
        data: rows,
        fetchNextPage: () => Promise.all([deployments.fetchNextPage(), metrics.fetchNextPage()]),
      }}
      total={facets.data?.total}
      columns={columns}
      search={{ q, state, environment, target }}
      everything={everything}
      onSearch={set}
      facets={[
        {
          name: "state",
          label: "State",
          options: stateOptions.map((option) => ({ ...option, count: countOf(option.value) })),
        },
        { name: "environment", label: "Environment", options: named("environment") },
        { name: "target", label: "Target", options: named("target") },
      ]}
      orderBy={order}
      onOrderBy={(next) => set({ order: next })}
      onOpen={(row) => void navigate({ to: "/modelops/deployments/$deployment", params: { deployment: row.name } })}
      empty={
        <Empty icon={Rocket} title="Nothing is deployed yet" action={create}>
          A deployment runs an approved version on a target and gives it an address.
        </Empty>
      }
    />
  );
}
