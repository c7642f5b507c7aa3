import { Circle, CircleDot, GitCompareArrows, History, RotateCcw } from "lucide-react";
import { useState } from "react";
import type { Schema } from "@/api/client";
import { api } from "@/api/client";
import { $api } from "@/api/queries";
import { Loaded } from "@/identity/loaded";
import { useMemberNames } from "@/identity/queries";
import { useSession } from "@/identity/session";
import { Button } from "@/kit/button";
import { Card, CardHead } from "@/kit/card";
import { Confirm } from "@/kit/confirm";
import { CopyText } from "@/kit/copy-text";
import { DiffView } from "@/kit/diff-view";
import { Select } from "@/kit/select";
import { Empty } from "@/kit/states";
import { type State, Status } from "@/kit/status";
import { Time } from "@/kit/time";
import { toast } from "@/kit/toast";
import { changedLines, documentYaml, pathOf } from "./document";

type Deployment = Schema<"Deployment">;
type Revision = Schema<"DeploymentRevision">;

const currentState: State = { label: "Current", tone: "ok", icon: CircleDot };
const formerState: State = { label: "Former", tone: "idle", icon: Circle };

/** Every configuration that it has had, what differs between them, and the way back. */
export function RevisionsTab({ deployment }: { deployment: Deployment }) {
  const { may } = useSession();
  const nameOf = useMemberNames();
  const revisions = $api.useQuery("get", "/api/v1/deployments/{deployment}/revisions", {
    params: { path: { deployment: deployment.id } },
  });
  const [compared, setCompared] = useState<{ from: number; to: number }>();
  const [wanted, setWanted] = useState<number>();
  const rows = revisions.data?.items ?? [];
  const writes = may("deployments:write");
  const pair = compared ?? latestPair(rows);

  return (
    <div className="grid gap-4">
      <Card aria-label="Revisions">
        <CardHead title="Revisions" sub="They never change; a roll back makes one of them current again" />
        <Loaded query={revisions} what="The revisions">
          {() =>
            rows.length === 0 ? (
              <Empty icon={History} title="There is no revision yet" />
            ) : (
              <ul>
                {rows.map((row) => (
                  <li
                    key={row.number}
                    aria-label={`Revision ${row.number}`}
                    className="flex flex-wrap items-center gap-x-4 gap-y-1.5 border-b border-line px-4 py-2.5 last:border-0"
                  >
                    <span className="tnum w-8 font-medium">{row.number}</span>
                    <Status state={row.current ? currentState : formerState} className="w-20" />
                    <span className="min-w-40 flex-1 font-mono text-xs wrap-anywhere">
                      {row.document.version.model_name}:v{row.document.version.number}
                    </span>
                    <span className="text-xs text-fg-3">
                      by {nameOf(row.created_by)}, <Time value={row.created_at} />
                    </span>
                    <CopyText text={row.digest}>{row.digest.slice(0, 12)}</CopyText>
                    <span className="flex w-full gap-1 sm:w-64 sm:justify-end">
                      {!row.current && (
                        <Button
                          size="sm"
                          aria-label={`Compare revision ${row.number} with the current one`}
                          onClick={() => setCompared({ from: row.number, to: deployment.revision })}
                        >
                          <GitCompareArrows aria-hidden className="size-3.5" />
                          Compare
                        </Button>
                      )}
                      {!row.current && writes && (
                        <Button
                          size="sm"
                          aria-label={`Roll back to revision ${row.number}`}
                          onClick={() => setWanted(row.number)}
                        >
                          <RotateCcw aria-hidden className="size-3.5" />
                          Roll back
                        </Button>
                      )}
                    </span>
                  </li>
                ))}
              </ul>
            )
          }
        </Loaded>
      </Card>
      {pair && <Comparison rows={rows} pair={pair} onPair={setCompared} />}
      {wanted !== undefined && (
        <Confirm
          onClose={() => setWanted(undefined)}
          title={`Roll ${deployment.name} back to revision ${wanted}?`}
          verb="Roll back"
          onConfirm={async () => {
            await api.POST("/api/v1/deployments/{deployment}/rollback", {
              params: { path: { deployment: deployment.id } },
              body: { revision: wanted },
            });
            setCompared(undefined);
            toast({ title: `${deployment.name} goes back to revision ${wanted}` });
          }}
        >
          <RollBackChanges deployment={deployment} wanted={wanted} />
        </Confirm>
      )}
    </div>
  );
}

/** The current revision with the one before it. */
export function latestPair(rows: readonly Revision[]): { from: number; to: number } | undefined {
  const to = rows.find((row) => row.current)?.number;
  const from =
    rows.find((row) => to !== undefined && row.number < to)?.number ?? rows.find((row) => !row.current)?.number;
  return from === undefined || to === undefined ? undefined : { from, to };
}

type Pair = { from: number; to: number };
type ComparisonProps = { rows: readonly Revision[]; pair: Pair; onPair: (pair: Pair) => void };

function Comparison({ rows, pair, onPair }: ComparisonProps) {
  const from = rows.find((row) => row.number === pair.from);
  const to = rows.find((row) => row.number === pair.to);
  if (!from || !to) return null;
  const options = rows.map((row) => ({
    value: String(row.number),
    label: `Revision ${row.number}`,
    ...(row.current && { hint: "current" }),
  }));
  return (
    <section aria-label="Comparison" className="grid min-w-0 gap-3">
      <div className="flex flex-wrap items-center gap-2">
        <h2 className="mr-1 text-sm font-medium">Compare</h2>
        <Select
          prefix="From"
          value={String(pair.from)}
          onChange={(number) => onPair({ ...pair, from: Number(number) })}
          options={options}
        />
        <Select
          prefix="To"
          value={String(pair.to)}
          onChange={(number) => onPair({ ...pair, to: Number(number) })}
          options={options}
        />
      </div>
      <DiffView
        key={`${pair.from} ${pair.to}`}
        label={`Revision ${pair.from} to ${pair.to}`}
        before={documentYaml(from.document)}
        after={documentYaml(to.document)}
        beforeName={`revision ${pair.from}`}
        afterName={`revision ${pair.to}`}
      />
    </section>
  );
}

const lineTint = {
  added: "bg-ok-tint px-3 whitespace-pre-wrap wrap-anywhere text-ok-fg",
  removed: "bg-bad-tint px-3 whitespace-pre-wrap wrap-anywhere text-bad-fg",
};

/** What a roll back changes against what runs now. */
function RollBackChanges({ deployment, wanted }: { deployment: Deployment; wanted: number }) {
  const diff = $api.useQuery("get", "/api/v1/deployments/{deployment}/revisions/{revision}/diff", {
    params: { path: { deployment: deployment.id, revision: wanted }, query: { against: deployment.revision } },
  });
  return (
    <div className="grid gap-2">
      <p>
        Its replicas are replaced one after the other. Revision {deployment.revision} stays, and you can go back to it.
      </p>
      <Loaded query={diff} what="What changes" lines={2}>
        {({ changes }) =>
          changes.length === 0 ? (
            <p>Nothing in the configuration changes.</p>
          ) : (
            <ul
              aria-label="What changes"
              // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
              tabIndex={0}
              className="max-h-72 overflow-y-auto rounded-md border border-line font-mono text-xs"
            >
              {changes.map((change) => (
                <li key={change.pointer} className="border-b border-line py-1.5 last:border-0">
                  <p className="px-3 text-fg">{pathOf(change.pointer)}</p>
                  {changedLines(change).map((line) => (
                    <p
                      key={`${line.before} ${line.after}`}
                      className={lineTint[line.kind === "added" ? "added" : "removed"]}
                    >
                      <span aria-hidden>{line.kind === "added" ? "+ " : "− "}</span>
                      <span className="sr-only">{line.kind === "added" ? "Added: " : "Removed: "}</span>
                      {line.text}
                    </p>
                  ))}
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </div>
  );
}
