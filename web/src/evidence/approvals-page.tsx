import { useNavigate, useSearch } from "@tanstack/react-router";
import { UserRoundCheck } from "lucide-react";
import { useMemo } from "react";
import { and, contains, oneOf } from "@/api/filter";
import { useList } from "@/api/queries";
import { useWho } from "@/identity/queries";
import { Badge } from "@/kit/badge";
import type { Column } from "@/kit/data-table";
import { Empty } from "@/kit/states";
import { approvalState, Status } from "@/kit/status";
import { Time } from "@/kit/time";
import { ListPage } from "@/shell/list-page";
import { type Approval, ApprovalDialog } from "./approval-dialog";

const states = ["pending", "approved", "rejected", "voided"] as const;
const stateOptions = states.map((value) => ({ value, label: <Status state={approvalState(value)} /> }));
const everything = { q: "", state: [] as string[] };

const columnsOf = (who: (id: string) => string): Column<Approval>[] => [
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

export function ApprovalsPage() {
  const { q = "", state = ["pending"], approval } = useSearch({ from: "/modelops/governance" });
  const navigate = useNavigate({ from: "/modelops/governance" });
  const set = (change: { q?: string; state?: string[]; approval?: string }, replace = true) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace });
  const who = useWho();
  const columns = useMemo(() => columnsOf(who), [who]);
  const approvals = useList("/api/v1/approvals", {
    query: { filter: and(q && contains("subject_name", q), oneOf("state", state)), order_by: "created_at desc" },
  });
  return (
    <ListPage
      title="Approvals"
      description="Versions that somebody asked about, and what was decided on them."
      what="approval"
      placeholder="Filter by name"
      list={approvals}
      columns={columns}
      search={{ q, state }}
      everything={everything}
      onSearch={set}
      facets={[{ name: "state", label: "State", options: stateOptions }]}
      onOpen={(row) => set({ approval: row.id }, false)}
      narrowed={q !== "" || state.join() !== "pending"}
      empty={
        <Empty icon={UserRoundCheck} title="Nothing waits for a decision">
          Who made a version asks for approval on the model's page; somebody else decides here.
        </Empty>
      }
    >
      {approval && <ApprovalDialog id={approval} onClose={() => set({ approval: undefined })} />}
    </ListPage>
  );
}
