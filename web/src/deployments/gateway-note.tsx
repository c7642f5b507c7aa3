import { RotateCw } from "lucide-react";
import { problemOf } from "@/api/problem";
import { useCountdown } from "@/identity/problem-note";
import { Button } from "@/kit/button";
import { CopyText } from "@/kit/copy-text";
import { Notice } from "@/kit/notice";
import { operationState } from "@/kit/status";
import { LogsLink, RequestLink } from "./tab-link";
import { GatewayError } from "./try";

type GatewayNoteProps = { error: unknown; deployment: { name: string }; onRetry?: () => void };

/** Why a call of the deployment failed, and what to do. */
export function GatewayNote({ error, deployment, onRetry }: GatewayNoteProps) {
  const of_gateway = error instanceof GatewayError ? error : undefined;
  const problem = of_gateway ? undefined : problemOf(error);
  const wait_s = useCountdown(of_gateway?.retry_after_s ?? problem?.retry_after_s, error);
  const request_id = of_gateway?.request_id ?? problem?.request_id;
  const of_engine = of_gateway !== undefined && (of_gateway.status >= 500 || of_gateway.status === 429);
  return (
    <Notice
      role="alert"
      state={operationState("failed")}
      title={of_gateway?.message ?? (problem!.detail || problem!.title)}
    >
      {of_gateway && <p>{of_gateway.advice}</p>}
      {request_id && (
        <p>
          Request <CopyText text={request_id} className="text-bad-fg" />{" "}
          {of_engine && <RequestLink deployment={deployment} id={request_id} />}
        </p>
      )}
      <div className="mt-2 flex flex-wrap gap-2">
        {onRetry && of_gateway?.transient !== false && (
          <Button size="sm" onClick={onRetry} disabled={wait_s > 0} focusableWhenDisabled>
            <RotateCw aria-hidden className="size-3.5" />
            {wait_s > 0 ? <span className="tnum">Try again in {wait_s} s</span> : "Try again"}
          </Button>
        )}
        {of_engine && <LogsLink deployment={deployment} />}
      </div>
    </Notice>
  );
}
