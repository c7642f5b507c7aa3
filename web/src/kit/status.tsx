import {
  Ban,
  CircleAlert,
  CircleCheck,
  CircleDashed,
  CircleDot,
  CirclePause,
  CircleSlash,
  CircleX,
  Download,
  Info,
  LoaderCircle,
  type LucideIcon,
  OctagonAlert,
  Trash2,
  TriangleAlert,
  Unplug,
  UserRoundCheck,
} from "lucide-react";
import { cx } from "@/lib/cx";

// The product's one vocabulary of states: each value of the API's enumerations as a word, a tone and an icon.

/** ok and bad need no explanation; run is in progress, wait is for a person, idle is neither good nor bad. */
export type Tone = "ok" | "warn" | "bad" | "run" | "wait" | "idle";
export type State = { label: string; tone: Tone; icon: LucideIcon; motion?: "spin" | "pulse" };

export type DeploymentState = "pending" | "provisioning" | "healthy" | "degraded" | "failed" | "stopped" | "deleting";
const deployment: Record<DeploymentState, State> = {
  pending: { label: "Pending", tone: "idle", icon: CircleDashed },
  provisioning: { label: "Provisioning", tone: "run", icon: LoaderCircle, motion: "spin" },
  healthy: { label: "Healthy", tone: "ok", icon: CircleCheck },
  degraded: { label: "Degraded", tone: "warn", icon: TriangleAlert },
  failed: { label: "Failed", tone: "bad", icon: CircleX },
  stopped: { label: "Stopped", tone: "idle", icon: CirclePause },
  deleting: { label: "Deleting", tone: "run", icon: Trash2, motion: "pulse" },
};
export const deploymentState = (state: DeploymentState): State => deployment[state];

export type ReplicaState =
  | "pending"
  | "fetching"
  | "starting"
  | "ready"
  | "unhealthy"
  | "stopping"
  | "stopped"
  | "failed";
const replica: Record<ReplicaState, State> = {
  pending: { label: "Pending", tone: "idle", icon: CircleDashed },
  fetching: { label: "Fetching model", tone: "run", icon: Download, motion: "pulse" },
  starting: { label: "Starting", tone: "run", icon: LoaderCircle, motion: "spin" },
  ready: { label: "Ready", tone: "ok", icon: CircleCheck },
  unhealthy: { label: "Unhealthy", tone: "warn", icon: TriangleAlert },
  stopping: { label: "Stopping", tone: "run", icon: CirclePause, motion: "pulse" },
  stopped: { label: "Stopped", tone: "idle", icon: CirclePause },
  failed: { label: "Failed", tone: "bad", icon: CircleX },
};
export const replicaState = (state: ReplicaState): State => replica[state];

export type VersionApproval = "none" | "pending" | "approved" | "rejected";
const version: Record<VersionApproval, State> = {
  none: { label: "Draft", tone: "idle", icon: CircleDot },
  pending: { label: "Pending approval", tone: "wait", icon: UserRoundCheck },
  approved: { label: "Approved", tone: "ok", icon: CircleCheck },
  rejected: { label: "Rejected", tone: "bad", icon: Ban },
};
export const versionApproval = (state: VersionApproval): State => version[state];

export type ApprovalState = "pending" | "approved" | "rejected" | "voided";
const approval: Record<ApprovalState, State> = {
  pending: version.pending,
  approved: version.approved,
  rejected: version.rejected,
  voided: { label: "Voided", tone: "idle", icon: CircleSlash },
};
export const approvalState = (state: ApprovalState): State => approval[state];

export type OperationState = "pending" | "running" | "succeeded" | "failed" | "cancelled";
const operation: Record<OperationState, State> = {
  pending: { label: "Queued", tone: "idle", icon: CircleDashed },
  running: { label: "Running", tone: "run", icon: LoaderCircle, motion: "spin" },
  succeeded: { label: "Succeeded", tone: "ok", icon: CircleCheck },
  failed: { label: "Failed", tone: "bad", icon: CircleX },
  cancelled: { label: "Cancelled", tone: "idle", icon: CircleSlash },
};
export const operationState = (state: OperationState): State => operation[state];

/** Of targets and gateways. */
export type MachineState = "pending" | "online" | "offline" | "revoked";
const machine: Record<MachineState, State> = {
  pending: { label: "Waiting to enroll", tone: "wait", icon: CircleDashed },
  online: { label: "Online", tone: "ok", icon: CircleCheck },
  offline: { label: "Offline", tone: "warn", icon: Unplug },
  revoked: { label: "Revoked", tone: "bad", icon: Ban },
};
export const machineState = (state: MachineState): State => machine[state];

export type ApiKeyState = "active" | "expired" | "revoked";
const key: Record<ApiKeyState, State> = {
  active: { label: "Active", tone: "ok", icon: CircleCheck },
  expired: { label: "Expired", tone: "idle", icon: CircleSlash },
  revoked: machine.revoked,
};
export const apiKeyState = (state: ApiKeyState): State => key[state];

/** Of a warning of the source analysis. */
export type Severity = "info" | "warning" | "danger";
const severities: Record<Severity, State> = {
  info: { label: "Note", tone: "run", icon: Info },
  warning: { label: "Warning", tone: "warn", icon: CircleAlert },
  danger: { label: "Danger", tone: "bad", icon: OctagonAlert },
};
export const severity = (level: Severity): State => severities[level];

/** Of an audit record. */
export type AuditOutcome = "succeeded" | "denied";
const outcomes: Record<AuditOutcome, State> = {
  succeeded: operation.succeeded,
  denied: { label: "Denied", tone: "bad", icon: Ban },
};
export const auditOutcome = (outcome: AuditOutcome): State => outcomes[outcome];

/** Of a call of a deployment. */
export function outcomeState({ failed, status }: { failed: boolean; status: number }): State {
  if (failed) return operation.failed;
  if (status === 499) return { label: "Given up", tone: "idle", icon: CircleSlash };
  return status >= 400
    ? { label: "Refused", tone: "warn", icon: CircleAlert }
    : { ...operation.succeeded, label: "Answered" };
}

const text: Record<Tone, string> = {
  ok: "text-ok-fg",
  warn: "text-warn-fg",
  bad: "text-bad-fg",
  run: "text-run-fg",
  wait: "text-wait-fg",
  idle: "text-idle-fg",
};
const tint: Record<Tone, string> = {
  ok: "bg-ok-tint",
  warn: "bg-warn-tint",
  bad: "bg-bad-tint",
  run: "bg-run-tint",
  wait: "bg-wait-tint",
  idle: "bg-idle-tint",
};
const solid: Record<Tone, string> = {
  ok: "bg-ok",
  warn: "bg-warn",
  bad: "bg-bad",
  run: "bg-run",
  wait: "bg-wait",
  idle: "bg-idle",
};
export const toneText = (tone: Tone) => text[tone];
export const toneTint = (tone: Tone) => tint[tone];
export const toneSolid = (tone: Tone) => solid[tone];

type StatusProps = {
  state: State;
  /** Says more than the state's own word: "Provisioning revision 4". */
  label?: string;
  /** pill is for headers. */
  variant?: "plain" | "pill";
  className?: string;
};

/** A state as icon and word. */
export function Status({ state, label, variant = "plain", className }: StatusProps) {
  const quiet = variant === "plain" && state.tone !== "bad" && state.tone !== "warn";
  return (
    <span
      className={cx(
        "inline-flex items-center gap-1.5 whitespace-nowrap",
        text[state.tone],
        variant === "pill" && ["h-6 rounded-full px-2 pr-2.5 text-xs font-medium", tint[state.tone]],
        className,
      )}
    >
      <state.icon
        aria-hidden
        strokeWidth={2}
        className={cx("size-3.5 shrink-0", state.motion === "spin" && "spin", state.motion === "pulse" && "pulse")}
      />
      <span className={quiet ? "text-fg-2" : undefined}>{label ?? state.label}</span>
    </span>
  );
}
