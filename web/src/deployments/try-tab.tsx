import type { Schema } from "@/api/client";
import { Problem } from "@/api/problem";
import { Failure } from "@/identity/failure";
import { useSession } from "@/identity/session";
import { Card } from "@/kit/card";
import { Notice } from "@/kit/notice";
import { Loading } from "@/kit/states";
import { deploymentState } from "@/kit/status";
import { LogsLink } from "./tab-link";
import { useTrial } from "./try";
import { TryEmbedding } from "./try-embedding";
import { TryTensors } from "./try-tensors";
import { TryText } from "./try-text";

type Deployment = Schema<"Deployment">;

const permission = "inference:call";
const missing = new Problem(403, { detail: `This needs the permission ${permission}.` });

/** Calls the deployment from this page, in the way of its interface. */
export function TryTab({ deployment }: { deployment: Deployment }) {
  const { may } = useSession();
  if (!may(permission))
    return (
      <Card>
        <Failure error={missing} />
      </Card>
    );
  return (
    <div className="grid gap-4">
      {deployment.state !== "healthy" && <NotHealthy deployment={deployment} />}
      {deployment.replicas_ready > 0 && <Ready key={deployment.id} deployment={deployment} />}
    </div>
  );
}

const explanations: Partial<Record<Deployment["state"], string>> = {
  pending: "It has not begun to start yet. This page goes on by itself when it answers.",
  provisioning: "Its replicas start. This page goes on by itself when it answers.",
  stopped: "Start it to try it.",
  deleting: "It is being deleted.",
};

function NotHealthy({ deployment }: { deployment: Deployment }) {
  const { state, reason, replicas_ready, replicas_desired } = deployment;
  const shown = deploymentState(state);
  const answers = replicas_ready > 0;
  return (
    <Notice
      role="status"
      state={shown}
      title={`${shown.label}: ${answers ? `${replicas_ready} of ${replicas_desired} replicas answer` : "no replica answers"}`}
    >
      <p className="whitespace-pre-line">{reason?.message || explanations[state] || "Its log says more."}</p>
      <div className="mt-2">
        <LogsLink deployment={deployment} />
      </div>
    </Notice>
  );
}

function Ready({ deployment }: { deployment: Deployment }) {
  const trial = useTrial(deployment.id);
  if (trial.data) {
    const props = { deployment, trial: trial.data };
    // What has tensors is called by them, whatever it is for.
    if (trial.data.inputs.length > 0) return <TryTensors {...props} />;
    if (deployment.interface === "chat" || deployment.interface === "completion")
      return <TryText {...props} kind={deployment.interface} />;
    if (deployment.interface === "embedding") return <TryEmbedding {...props} />;
    return <TryTensors {...props} />;
  }
  return (
    <Card>
      {trial.error ? (
        <Failure error={trial.error} title="It cannot be tried now" onRetry={() => void trial.refetch()} />
      ) : (
        <Loading label="A key for this page is made" />
      )}
    </Card>
  );
}
