import { History } from "lucide-react";
import { useList } from "@/api/queries";
import { Loaded } from "@/identity/loaded";
import { useWho } from "@/identity/queries";
import { Card } from "@/kit/card";
import { More } from "@/kit/more";
import { Empty } from "@/kit/states";
import {
  type DeploymentState,
  deploymentState,
  type ReplicaState,
  replicaState,
  type State,
  Status,
} from "@/kit/status";
import { Time } from "@/kit/time";
import { cx } from "@/lib/cx";
import type { Deployment } from "./queries";

const words: Record<string, string> = {
  created: "Created",
  updated: "Updated",
  scaled: "Scaled",
  restarted: "Restarted",
  rolled_back: "Rolled back",
  started: "Started",
  stop_requested: "Stop asked for",
  delete_requested: "Deletion asked for",
  deleted: "Deleted",
};

const deploymentStates = ["pending", "provisioning", "healthy", "degraded", "failed", "stopped", "deleting"];

/** What an event says of a state, where its kind is one: "healthy", "replica_ready". */
export function stateOf(kind: string): State | undefined {
  if (deploymentStates.includes(kind)) return deploymentState(kind as DeploymentState);
  const replica = /^replica_(ready|failed|unhealthy)$/.exec(kind)?.[1];
  return replica ? { ...replicaState(replica as ReplicaState), label: `Replica ${replica}` } : undefined;
}

export const wordsOf = (kind: string) =>
  words[kind] ?? (kind.charAt(0).toUpperCase() + kind.slice(1)).replaceAll("_", " ");

export function EventsTab({ deployment }: { deployment: Deployment }) {
  return (
    <Card aria-label="Events" className="max-w-4xl">
      <EventList deployment={deployment} />
    </Card>
  );
}

/** What happened to it, the newest first; in brief only the last few. */
export function EventList({ deployment, brief = false }: { deployment: Deployment; brief?: boolean }) {
  const nameOf = useWho();
  const events = useList("/api/v1/deployments/{deployment}/events", {
    path: { deployment: deployment.id },
    query: { page_size: brief ? 8 : 100 },
  });
  if (!events.data) return <Loaded query={events} what="The events" lines={3} />;
  if (events.data.length === 0) return <Empty icon={History} title="Nothing has happened yet" />;
  const who = (id: string) => (id === "system" ? "ModelOps" : id.startsWith("mch_") ? "Agent" : nameOf(id));
  return (
    <>
      <ol className="py-1.5">
        {events.data.map((event) => {
          const state = stateOf(event.kind);
          return (
            <li
              key={event.id}
              className={cx(
                "grid grid-cols-[minmax(0,1fr)_auto] items-start gap-x-3 px-4 py-1.5",
                !brief && "sm:grid-cols-[9.5rem_minmax(0,1fr)_auto]",
              )}
            >
              {state ? <Status state={state} /> : <span className="font-medium">{wordsOf(event.kind)}</span>}
              <span className={cx("order-last col-span-2 min-w-0", !brief && "sm:order-none sm:col-span-1")}>
                <span className="block wrap-anywhere">{event.message}</span>
                <span className="block text-xs text-fg-3">
                  {who(event.actor_id)}, revision {event.revision}
                </span>
              </span>
              <Time value={event.created_at} className="tnum text-xs text-fg-3" />
            </li>
          );
        })}
      </ol>
      {!brief && <More paging={events} label="Show earlier events" />}
    </>
  );
}
