import type { Schema } from "@/api/client";
import { $api } from "@/api/queries";

export type Deployment = Schema<"Deployment">;
export type Replica = Schema<"DeploymentReplica">;
export type Engine = Schema<"Engine">;
export type Metrics = Schema<"DeploymentMetrics">;

/** How often charts are read: gateways and agents report every couple of seconds. */
export const metricsEveryMs = 5_000;

/** What the control plane has measured itself; what lies further back is history. */
export const liveWindows = [
  { value: "15m", label: "Last 15 minutes", seconds: 900 },
  { value: "1h", label: "Last hour", seconds: 3600 },
  { value: "6h", label: "Last 6 hours", seconds: 21_600 },
  { value: "24h", label: "Last 24 hours", seconds: 86_400 },
] as const;
export type LiveWindow = (typeof liveWindows)[number]["value"];
export const historyWindow = { value: "7d", label: "Last 7 days", seconds: 604_800 } as const;
export const windows = [...liveWindows, historyWindow] as const;
export type Window = (typeof windows)[number]["value"];

export const useReplicas = (deployment: string) =>
  $api.useQuery(
    "get",
    "/api/v1/deployments/{deployment}/replicas",
    { params: { path: { deployment } } },
    { refetchInterval: metricsEveryMs },
  );

export const useMetrics = (deployment: string, window: LiveWindow, enabled: boolean) =>
  $api.useQuery(
    "get",
    "/api/v1/monitoring/deployments/{deployment}",
    { params: { path: { deployment }, query: { window } } },
    { enabled, refetchInterval: metricsEveryMs, placeholderData: (before: Metrics | undefined) => before },
  );
