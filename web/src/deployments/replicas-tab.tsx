import { Server } from "lucide-react";
import { Loaded } from "@/identity/loaded";
import { Badge } from "@/kit/badge";
import { Card } from "@/kit/card";
import { CopyText } from "@/kit/copy-text";
import { Progress } from "@/kit/progress";
import { Empty } from "@/kit/states";
import { replicaState, Status } from "@/kit/status";
import { Time } from "@/kit/time";
import { cx } from "@/lib/cx";
import { bytes, duration } from "@/lib/format";
import { type Deployment, useReplicas } from "./queries";

export function ReplicasTab({ deployment }: { deployment: Deployment }) {
  const replicas = useReplicas(deployment.id);
  return (
    <Card aria-label="Replicas" className="overflow-hidden">
      <ReplicaTable query={replicas} revision={deployment.revision} full />
    </Card>
  );
}

type ReplicaTableProps = { query: ReturnType<typeof useReplicas>; revision: number; full?: boolean };

export function ReplicaTable({ query, revision, full = false }: ReplicaTableProps) {
  if (!query.data) return <Loaded query={query} what="The replicas" lines={2} />;
  if (query.data.items.length === 0)
    return (
      <Empty icon={Server} title="No replica runs">
        Start the deployment, or read its events to learn why.
      </Empty>
    );
  const headers = [
    "Replica",
    "State",
    "Revision",
    ...(full ? ["CPU time"] : []),
    "Memory",
    "Restarts",
    "Up",
    ...(full ? ["Address"] : []),
  ];
  return (
    <div className="relative overflow-x-auto">
      <table className="w-full text-left">
        <thead>
          <tr className="border-b border-line bg-sunken">
            {headers.map((header) => (
              <th key={header} scope="col" className="eyebrow h-8 px-4 whitespace-nowrap">
                {header}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {query.data.items.map((replica) => (
            <tr key={replica.id} className="h-10 border-b border-line align-top last:border-0">
              <td className="px-4 py-2.5">
                <CopyText text={replica.id}>{replica.id.slice(-6)}</CopyText>
              </td>
              <td className="min-w-40 px-4 py-2.5">
                <Status state={replicaState(replica.state)} label={replica.retired ? "Ending" : undefined} />
                {replica.state === "fetching" && replica.progress !== undefined && (
                  <Progress bare label="Model files" value={replica.progress} />
                )}
                {replica.message && <span className="block text-xs wrap-anywhere text-fg-2">{replica.message}</span>}
              </td>
              <td className="px-4 py-2.5 whitespace-nowrap">
                <span className="tnum">{replica.revision}</span>
                {replica.revision !== revision && <Badge className="ml-2">older</Badge>}
              </td>
              {full && (
                <td className="tnum px-4 py-2.5 whitespace-nowrap text-fg-2">{duration(replica.cpu_seconds * 1000)}</td>
              )}
              <td className="tnum px-4 py-2.5 whitespace-nowrap text-fg-2">
                {replica.memory_bytes > 0 ? bytes(replica.memory_bytes) : "–"}
              </td>
              <td className={cx("tnum px-4 py-2.5", replica.restarts > 0 ? "text-warn-fg" : "text-fg-2")}>
                {replica.restarts}
              </td>
              <td className="tnum px-4 py-2.5 whitespace-nowrap text-fg-2">
                {replica.started_at ? <Time value={replica.started_at} /> : "–"}
              </td>
              {full && <td className="px-4 py-2.5">{replica.address && <CopyText text={replica.address} />}</td>}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
