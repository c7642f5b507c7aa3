import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useId } from "react";
import { api } from "@/api/client";
import { problemOf } from "@/api/problem";
import { useSession } from "@/identity/session";
import { Button } from "@/kit/button";
import { Progress } from "@/kit/progress";
import { operationState, Status } from "@/kit/status";
import { Time } from "@/kit/time";
import { ObjectLink } from "./object-link";
import { isRunning, type Operation, operationTitle } from "./operations";

/** One piece of long work: its step, how far it is, and a way to stop it. */
export function OperationRow({ operation }: { operation: Operation }) {
  const client = useQueryClient();
  const { may } = useSession();
  const id = useId();
  const cancel = useMutation({
    mutationFn: () =>
      api.POST("/api/v1/operations/{operation}/cancel", { params: { path: { operation: operation.id } } }),
    onSettled: () => client.invalidateQueries({ queryKey: ["get", "/api/v1/operations"] }),
  });
  const title = operationTitle(operation);
  const is_running = isRunning(operation);
  return (
    <li aria-labelledby={id} className="grid gap-1.5 border-b border-line px-4 py-3 last:border-0">
      <div className="flex items-center gap-3">
        <Status state={operationState(operation.state)} />
        <ObjectLink
          kind={operation.subject_kind}
          name={operation.subject_id}
          className="min-w-0 flex-1 truncate font-medium [a&]:hover:underline"
        >
          <span id={id}>{title}</span>
        </ObjectLink>
        {is_running && may("operations:cancel") && (
          <Button
            size="sm"
            busy={cancel.isPending}
            disabled={operation.cancel_requested}
            aria-label={`Cancel: ${title}`}
            onClick={() => cancel.mutate()}
          >
            {operation.cancel_requested ? "Cancelling" : "Cancel"}
          </Button>
        )}
        {operation.ended_at && <Time value={operation.ended_at} className="tnum shrink-0 text-xs text-fg-3" />}
      </div>
      {is_running && <Progress bare label={title} value={operation.progress ?? null} detail={operation.step} />}
      {operation.problem && <p className="text-xs text-bad-fg">{operation.problem.detail}</p>}
      {cancel.error && (
        <p role="alert" className="text-xs text-bad-fg">
          {problemOf(cancel.error).message}
        </p>
      )}
    </li>
  );
}
