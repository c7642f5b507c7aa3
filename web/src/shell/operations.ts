import type { Schema } from "@/api/client";
import { eq, oneOf } from "@/api/filter";

export type Operation = Schema<"Operation">;

/** How long what has ended stays in the tray. */
const ended_shown_ms = 15 * 60_000;

export const isRunning = (operation: Operation) => operation.state === "pending" || operation.state === "running";

export const byActor = (actor_id: string) => eq("actor_id", actor_id);
export const running = oneOf("state", ["pending", "running"]);

/** What somebody began: all that runs, and what ended a short while ago. */
export const recent = (operations: readonly Operation[], now: number) =>
  operations.filter(
    (operation) =>
      isRunning(operation) || (operation.ended_at && now - Date.parse(operation.ended_at) < ended_shown_ms),
  );

/** How often running work is asked for its progress; work that stands still is told by events. */
export const pollWhileRunning = (operations: readonly Operation[] | undefined) =>
  operations?.some(isRunning) ? 2000 : false;

const titles: Record<string, string> = {
  "model.analyze": "Analysis of a model's source",
};

export const operationTitle = (operation: Operation) => titles[operation.kind] ?? operation.kind;
