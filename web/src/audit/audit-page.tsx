import { useNavigate, useSearch } from "@tanstack/react-router";
import { ShieldCheck } from "lucide-react";
import type { Schema } from "@/api/client";
import { and, contains, eq, ge, oneOf } from "@/api/filter";
import { $api, useList } from "@/api/queries";
import { CopyText } from "@/kit/copy-text";
import type { Column } from "@/kit/data-table";
import { Select } from "@/kit/select";
import { Empty } from "@/kit/states";
import { auditOutcome, Status } from "@/kit/status";
import { Time } from "@/kit/time";
import { count, plural } from "@/lib/format";
import { ListPage } from "@/shell/list-page";
import { RecordDialog } from "./record-dialog";

export type AuditRecord = Schema<"AuditRecord">;

const spans = [
  { value: "day", label: "Last 24 hours", hours: 24 },
  { value: "week", label: "Last 7 days", hours: 24 * 7 },
  { value: "month", label: "Last 30 days", hours: 24 * 30 },
  { value: "all", label: "All time", hours: 0 },
] as const;
export type Span = (typeof spans)[number]["value"];

const actorWords: Record<AuditRecord["actor_kind"], string> = {
  user: "Person",
  service_account: "Service account",
  agent: "Agent",
  system: "The system",
  anonymous: "Nobody known",
};
const actors = Object.entries(actorWords).map(([value, label]) => ({ value, label }));
const outcomes = (["succeeded", "denied"] as const).map((value) => ({
  value,
  label: <Status state={auditOutcome(value)} />,
}));

type Search = { q: string; outcome: string[]; actor: string[]; span: Span; subject: string | undefined };
const everything: Search = { q: "", outcome: [], actor: [], span: "all", subject: undefined };

const columns: Column<AuditRecord>[] = [
  {
    id: "action",
    header: "Action",
    width: "minmax(9rem, 1.3fr)",
    cell: (row) => <span className="truncate font-mono text-xs">{row.action}</span>,
  },
  {
    id: "outcome",
    header: "Outcome",
    width: "7rem",
    card: "aside",
    cell: (row) => <Status state={auditOutcome(row.outcome)} />,
  },
  {
    id: "actor",
    header: "Who",
    width: "minmax(6rem, 1fr)",
    cell: (row) => (
      <span className="block min-w-0 leading-4.5">
        <span className="block truncate">{row.actor_name ?? (row.personal_erased ? "Erased" : row.actor_id)}</span>
        <span className="block truncate text-2xs text-fg-3">{actorWords[row.actor_kind]}</span>
      </span>
    ),
  },
  {
    id: "subject",
    header: "On what",
    width: "minmax(9rem, 1.4fr)",
    cell: (row) => (
      <span className="block min-w-0 leading-4.5">
        <span className="block truncate">{nameIn(row) ?? row.subject_kind.replaceAll("_", " ")}</span>
        <span className="block truncate font-mono text-2xs text-fg-3">{row.subject_id}</span>
      </span>
    ),
  },
  {
    id: "place",
    yields: 1,
    header: "Place in the tree",
    width: "7.5rem",
    card: "none",
    cell: (row) =>
      row.index === undefined ? (
        <span className="text-fg-3">In a second</span>
      ) : (
        <span className="tnum text-fg-2">{count(row.index)}</span>
      ),
  },
  {
    id: "address",
    header: "Address",
    optional: true,
    cell: (row) => <span className="truncate font-mono text-xs text-fg-2">{row.remote_address ?? ""}</span>,
  },
  {
    id: "time",
    header: "When",
    width: "6.5rem",
    cell: (row) => <Time value={row.time} className="tnum text-fg-2" />,
  },
];

/** From when on, to the minute: a filter that changed with each rendering would never be answered. */
export const begin = (span: Span, now: number) => {
  const hours = spans.find((one) => one.value === span)!.hours;
  return hours === 0 ? undefined : new Date(Math.floor(now / 60_000) * 60_000 - hours * 3_600_000);
};

export function AuditPage() {
  const { q = "", outcome = [], actor = [], span = "all", subject, record } = useSearch({ from: "/modelops/audit" });
  const navigate = useNavigate({ from: "/modelops/audit" });
  const set = (change: Partial<Search & { record: string | undefined }>, replace = true) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace });
  const since = begin(span, Date.now());
  const records = useList("/api/v1/audit/records", {
    query: {
      filter: and(
        q && contains("action", q),
        oneOf("outcome", outcome),
        oneOf("actor_kind", actor),
        since && ge("time", since),
        subject && eq("subject_id", subject),
      ),
      order_by: "time desc",
    },
  });
  const head = $api.useQuery("get", "/api/v1/audit/head", {}, { refetchInterval: 15_000 });
  return (
    <ListPage
      title="Audit"
      description={
        head.data ? (
          <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
            <span className="inline-flex items-center gap-1.5">
              <ShieldCheck aria-hidden className="size-4 text-ok-fg" />
              {plural(head.data.tree_size, "record")} under one signed root
            </span>
            <CopyText text={head.data.root_hash}>{`${head.data.root_hash.slice(0, 16)}…`}</CopyText>
          </span>
        ) : (
          "Who did what. Each record is kept in a tree of hashes: nobody can change or remove one unnoticed."
        )
      }
      what="record"
      placeholder="Filter by action"
      list={records}
      columns={columns}
      search={{ q, outcome, actor, span, subject }}
      everything={everything}
      onSearch={set}
      facets={[
        { name: "outcome", label: "Outcome", options: outcomes },
        { name: "actor", label: "Who", options: actors },
      ]}
      controls={<Select label="Time" value={span} onChange={(next) => set({ span: next })} options={spans} />}
      note={
        subject && (
          <>
            Only about <code className="font-mono text-xs text-fg">{subject}</code>
            <button type="button" className="underline" onClick={() => set({ subject: undefined })}>
              Show all
            </button>
          </>
        )
      }
      onOpen={(row) => set({ record: row.id }, false)}
      empty={
        <Empty icon={ShieldCheck} title="There is no record yet">
          Every change and every refusal is recorded here.
        </Empty>
      }
    >
      {record && (
        <RecordDialog
          id={record}
          onClose={() => set({ record: undefined })}
          onSubject={(id) => set({ record: undefined, subject: id }, false)}
        />
      )}
    </ListPage>
  );
}

/** The name that the record gives its subject, where it does. */
export function nameIn(row: AuditRecord): string | undefined {
  const data = row.data as { name?: unknown } | null | undefined;
  return typeof data?.name === "string" ? data.name : undefined;
}
