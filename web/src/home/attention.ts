import type { Schema } from "@/api/client";
import { approvalState, deploymentState, machineState, type State } from "@/kit/status";

type Deployment = Schema<"Deployment">;
type Approval = Schema<"Approval">;
type Target = Schema<"Target">;

/** Something that a person should look at: its state, its cause and the one thing to do. */
export type Attention = {
  kind: "deployment" | "approval" | "target";
  id: string;
  name: string;
  state: State;
  why: string;
  verb: string;
  /** Since when, where it is known. */
  since?: string;
};

/**
 * Nobody decides on what they made or asked for, unless the organization allows it while nobody else could: the server
 * rules on that.
 */
export const mayDecide = (approval: Approval, actor_id: string, self_approval: boolean) =>
  approval.state === "pending" &&
  (self_approval || (approval.author_id !== actor_id && approval.requested_by !== actor_id));

export function attentionOf(
  deployments: readonly Deployment[],
  approvals: readonly Approval[],
  targets: readonly Target[],
): Attention[] {
  const found: Attention[] = [
    ...deployments.map(
      (deployment): Attention => ({
        kind: "deployment",
        id: deployment.id,
        name: deployment.name,
        state: deploymentState(deployment.state),
        why:
          deployment.reason?.message ??
          `${deployment.replicas_ready} of ${deployment.replicas_desired} replicas are ready`,
        verb: "Investigate",
        since: deployment.updated_at,
      }),
    ),
    ...approvals.map(
      (approval): Attention => ({
        kind: "approval",
        id: approval.id,
        name: approval.subject_name,
        state: approvalState(approval.state),
        why: approval.comment || "Approval is asked for",
        verb: "Review",
        since: approval.created_at,
      }),
    ),
    ...targets.map(
      (target): Attention => ({
        kind: "target",
        id: target.id,
        name: target.name,
        state: machineState(target.state),
        why: target.last_seen_at ? "Its agent does not answer" : "Its agent has never answered",
        verb: "Look",
        since: target.last_seen_at,
      }),
    ),
  ];
  return found.toSorted((a, b) => (b.since ?? "").localeCompare(a.since ?? ""));
}
