import { useNavigate, useSearch } from "@tanstack/react-router";
import { UserRoundCheck } from "lucide-react";
import { and, contains, oneOf } from "@/api/filter";
import { useList } from "@/api/queries";
import { Failure } from "@/identity/failure";
import { useMemberNames } from "@/identity/queries";
import { useSession } from "@/identity/session";
import { Badge } from "@/kit/badge";
import { type Column, DataTable } from "@/kit/data-table";
import { FilterBar } from "@/kit/filter-bar";
import { Page } from "@/kit/page";
import { Empty, NoMatch } from "@/kit/states";
import { approvalState, Status } from "@/kit/status";
import { Time } from "@/kit/time";
import { plural } from "@/lib/format";
import { type Approval, ApprovalDialog } from "./approval-dialog";

const states = ["pending", "approved", "rejected", "voided"] as const;

export function ApprovalsPage() {
  const { q = "", state = ["pending"], approval } = useSearch({ from: "/modelops/governance" });
  const navigate = useNavigate({ from: "/modelops/governance" });
  const set = (change: { q?: string; state?: string[]; approval?: string }, replace = true) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace });
  const { actor_id } = useSession();
  const nameOf = useMemberNames();
  const approvals = useList("/api/v1/approvals", {
    query: { filter: and(q && contains("subject_name", q), oneOf("state", state)), order_by: "created_at desc" },
  });
  const who = (id: string) => (id === actor_id ? "You" : nameOf(id));
  const rows = approvals.data;

  const columns: Column<Approval>[] = [
    {
      id: "subject",
      header: "What",
      width: "minmax(13rem, 2fr)",
      cell: (row) => (
        <span className="block min-w-0 leading-4.5">
          <span className="block truncate font-medium">{row.subject_name}</span>
          <span className="block truncate text-xs text-fg-3">{row.comment || "No comment"}</span>
        </span>
      ),
    },
    {
      id: "state",
      header: "State",
      width: "minmax(9rem, 1fr)",
      card: "aside",
      cell: (row) => (
        <span className="flex items-center gap-2">
          <Status state={approvalState(row.state)} />
          {row.self_approval && <Badge>by its author</Badge>}
        </span>
      ),
    },
    {
      id: "asked",
      header: "Asked by",
      cell: (row) => <span className="truncate text-fg-2">{who(row.requested_by)}</span>,
    },
    {
      id: "decided",
      yields: 1,
      header: "Decided by",
      cell: (row) => <span className="truncate text-fg-2">{row.decided_by ? who(row.decided_by) : ""}</span>,
    },
    {
      id: "when",
      header: "Asked",
      width: "6.5rem",
      cell: (row) => <Time value={row.created_at} className="tnum text-fg-2" />,
    },
  ];

  return (
    <Page full title="Approvals" description="Versions that somebody asked about, and what was decided on them.">
      <FilterBar
        label="Filter approvals"
        placeholder="Filter by name"
        query={q}
        onQuery={(text) => set({ q: text })}
        facets={[
          {
            label: "State",
            selected: state,
            onChange: (chosen) => set({ state: chosen }),
            options: states.map((value) => ({ value, label: <Status state={approvalState(value)} /> })),
          },
        ]}
        result={rows ? plural(rows.length, "approval") + (approvals.hasNextPage ? " so far" : "") : ""}
        onClear={() => set({ q: "", state: [] })}
      />
      <DataTable
        label="Approvals"
        columns={columns}
        rows={rows}
        rowId={(row) => row.id}
        paging={approvals}
        onOpen={(row) => set({ approval: row.id }, false)}
        resetKey={q + state.join()}
        error={
          approvals.error &&
          !approvals.data && (
            <Failure
              error={approvals.error}
              title="The approvals could not be loaded"
              onRetry={() => void approvals.refetch()}
            />
          )
        }
        empty={
          q === "" && state.length === 1 && state[0] === "pending" ? (
            <Empty icon={UserRoundCheck} title="Nothing waits for a decision">
              Who made a version asks for approval on the model's page; somebody else decides here.
            </Empty>
          ) : (
            <NoMatch what="approval" onClear={() => set({ q: "", state: [] })} />
          )
        }
      />
      {approval && <ApprovalDialog id={approval} onClose={() => set({ approval: undefined })} />}
    </Page>
  );
}
