import { useEffect, useState } from "react";
import { problemOf } from "@/api/problem";
import { CopyText } from "@/kit/copy-text";
import { Notice } from "@/kit/notice";
import { operationState } from "@/kit/status";

/** Counts down from when `seconds` was told; 0 when there is nothing to wait for. */
export function useCountdown(seconds: number | undefined, told: unknown): number {
  const [left, setLeft] = useState(seconds ?? 0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new answer starts it again, with the same number too
  useEffect(() => {
    setLeft(seconds ?? 0);
    if (!seconds) return;
    const timer = setInterval(() => setLeft((before) => Math.max(0, before - 1)), 1000);
    return () => clearInterval(timer);
  }, [seconds, told]);
  return left;
}

/** Why a form was refused, and what to do. */
export function ProblemNote({ error, wait_s = 0 }: { error: unknown; wait_s?: number }) {
  if (!error) return null;
  const problem = problemOf(error);
  return (
    <Notice role="alert" state={operationState("failed")} title={problem.detail || problem.title}>
      {wait_s > 0 && <p className="tnum">You can try again in {wait_s} s.</p>}
      {problem.request_id && (
        <p>
          Request <CopyText text={problem.request_id} className="text-bad-fg" />
        </p>
      )}
    </Notice>
  );
}
