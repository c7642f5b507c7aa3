import type { Schema } from "@/api/client";
import { $api } from "@/api/queries";

export type History = Schema<"DeploymentHistory">;
type Metrics = Schema<"DeploymentMetrics">;
type Replica = Metrics["replicas"][number];

/** Charts of a past range change with each new point only. */
const historyEveryMs = 60_000;

/** A deployment's metrics of the last `seconds`, from Prometheus. */
export function useHistory(deployment: string, seconds: number, enabled: boolean) {
  // A moment that does not move with every render; the server rounds to its steps.
  const minute = Math.floor(Date.now() / historyEveryMs) * historyEveryMs;
  const from = new Date(minute - seconds * 1000).toISOString();
  const to = new Date(minute).toISOString();
  return $api.useQuery(
    "get",
    "/api/v1/monitoring/deployments/{deployment}/history",
    { params: { path: { deployment }, query: { from, to } } },
    {
      enabled,
      refetchInterval: historyEveryMs,
      retry: false,
      placeholderData: (before: History | undefined) => before,
    },
  );
}

/** In the form of the live metrics, so that the same charts show both. */
export function asMetrics(history: History): Metrics {
  const nothing = history.times.map(() => null);
  const traffic = {} as Record<string, (number | null)[]>;
  const replicas = new Map<string, Replica>();
  for (const { metric, unit, replica_id, values } of history.series) {
    if (replica_id === undefined) {
      traffic[metric] = values;
      continue;
    }
    const replica = replicas.get(replica_id) ?? { replica_id, cpu_cores: nothing, memory_bytes: nothing, engine: [] };
    replicas.set(replica_id, replica);
    if (metric === "cpu_cores" || metric === "memory_bytes") replica[metric] = values;
    else replica.engine.push({ name: metric, unit, values });
  }
  const known = new Proxy(traffic, { get: (of, name: string) => of[name] ?? nothing });
  return {
    deployment_id: history.deployment_id,
    window: "",
    step: history.step,
    times: history.times,
    traffic: known as unknown as Metrics["traffic"],
    replicas: [...replicas.values()],
    latency_error: 0,
  };
}
