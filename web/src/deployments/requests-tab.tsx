import { useNavigate, useSearch } from "@tanstack/react-router";
import { Waypoints } from "lucide-react";
import { and, eq, gt, or } from "@/api/filter";
import { Problem } from "@/api/problem";
import { useList } from "@/api/queries";
import { Failure } from "@/identity/failure";
import { useSession } from "@/identity/session";
import { Card } from "@/kit/card";
import { type Column, DataTable } from "@/kit/data-table";
import { FilterBar } from "@/kit/filter-bar";
import { Select } from "@/kit/select";
import { Empty, NoMatch } from "@/kit/states";
import { outcomeState, Status } from "@/kit/status";
import { Time } from "@/kit/time";
import { count, duration, plural } from "@/lib/format";
import type { Deployment } from "./queries";
import { RequestTrace } from "./request-trace";
import type { RecentRequest } from "./spans";

const everyMs = 5_000;
const missing = new Problem(403, { detail: "This needs the permission monitoring:read." });

const shows = [
  { value: "all", label: "All" },
  { value: "failed", label: "Failed" },
  { value: "slow", label: "Slower than 1 s" },
] as const;
export const requestShows = ["failed", "slow"] as const;

const columns: readonly Column<RecentRequest>[] = [
  { id: "name", header: "Request", width: "minmax(11rem, 2fr)", cell: (row) => row.name },
  {
    id: "status",
    header: "Status",
    width: "9rem",
    card: "aside",
    cell: (row) => <Status state={outcomeState(row)} label={`${outcomeState(row).label}, ${row.status}`} />,
  },
  { id: "started", header: "Started", width: "7rem", cell: (row) => <Time value={row.started_at} /> },
  { id: "duration", header: "Took", width: "5rem", align: "end", cell: (row) => duration(row.duration_ms) },
  {
    id: "first_token",
    header: "First token",
    width: "6rem",
    align: "end",
    yields: 2,
    card: "none",
    cell: (row) => (row.first_token_ms === undefined ? "–" : duration(row.first_token_ms)),
  },
  {
    id: "tokens",
    header: "Tokens out",
    width: "6rem",
    align: "end",
    yields: 3,
    card: "none",
    cell: (row) => (row.tokens_out === undefined ? "–" : count(row.tokens_out)),
  },
  {
    id: "replica",
    header: "Replica",
    width: "6rem",
    yields: 1,
    card: "none",
    cell: (row) => <span className="font-mono text-xs">{row.replica_id.slice(-6) || "–"}</span>,
  },
  {
    id: "request",
    header: "Id",
    width: "8rem",
    yields: 4,
    card: "none",
    cell: (row) => <span className="font-mono text-xs">{row.request_id.slice(0, 12)}</span>,
  },
];

/** Requests that gateways served lately; one of them with where its time went. */
export function RequestsTab({ deployment }: { deployment: Deployment }) {
  const { may } = useSession();
  const { request } = useSearch({ from: "/modelops/deployments/$deployment" });
  if (!may("monitoring:read"))
    return (
      <Card>
        <Failure error={missing} />
      </Card>
    );
  return request ? <RequestTrace deployment={deployment} id={request} /> : <Requests deployment={deployment} />;
}

function Requests({ deployment }: { deployment: Deployment }) {
  const { show = "all", q = "" } = useSearch({ from: "/modelops/deployments/$deployment" });
  const navigate = useNavigate({ from: "/modelops/deployments/$deployment" });
  const search = (change: { show?: (typeof requestShows)[number]; q?: string }) =>
    void navigate({
      search: { tab: "requests", ...(show !== "all" && { show }), ...(q && { q }), ...change },
      replace: true,
    });
  const text = q.trim();
  const list = useList(
    "/api/v1/monitoring/deployments/{deployment}/requests",
    {
      path: { deployment: deployment.id },
      query: {
        page_size: 100,
        filter: and(
          show === "failed" && eq("failed", true),
          show === "slow" && gt("duration_ms", 1000),
          text && or(eq("request_id", text), eq("trace_id", text)),
        ),
      },
    },
    { refetchInterval: everyMs },
  );
  const rows = list.data as RecentRequest[] | undefined;
  const narrowed = show !== "all" || text !== "";
  const clear = () => search({ show: undefined, q: undefined });
  return (
    <div className="-mx-4 flex min-h-96 flex-1 flex-col md:-mx-6">
      <FilterBar
        label="Find a request"
        placeholder="Request or trace id"
        query={q}
        onQuery={(found) => search({ q: found || undefined })}
        result={rows ? plural(rows.length, "request") + (list.hasNextPage ? " so far" : "") : ""}
        onClear={clear}
        narrowed={narrowed}
      >
        <Select
          label="Show"
          value={show}
          onChange={(next) => search({ show: next === "all" ? undefined : next })}
          options={shows}
        />
      </FilterBar>
      <DataTable
        label="Requests"
        columns={columns}
        rows={rows}
        rowId={(row) => `${row.started_at} ${row.request_id}`}
        paging={list}
        onOpen={(row) => void navigate({ search: { tab: "requests", request: row.request_id } })}
        resetKey={`${show} ${text}`}
        error={
          list.error && !rows ? (
            <Failure error={list.error} title="The requests could not be loaded" onRetry={() => void list.refetch()} />
          ) : undefined
        }
        empty={
          narrowed ? (
            <NoMatch what="request" onClear={clear} />
          ) : (
            <Empty icon={Waypoints} title="No request is kept">
              Gateways tell of those that fail and of a share of the others, within seconds. Try it, or call it, and it
              is shown here for a day.
            </Empty>
          )
        }
      />
    </div>
  );
}
