// What a revision says, for people.
import type { Schema } from "@/api/client";
import { type DiffLine, diffLines } from "@/kit/diff";
import { bytes, count, duration, plural } from "@/lib/format";
import { toYaml } from "./yaml";

export type RevisionDocument = Schema<"RevisionDocument">;

/** Without the values of secrets, whatever the server may have sent. */
export function documentYaml(document: RevisionDocument): string {
  const environment_variables = document.environment_variables.map((variable) =>
    variable.type === "secret" ? { type: variable.type, name: variable.name, secret_id: variable.secret_id } : variable,
  );
  return toYaml({ ...document, environment_variables });
}

export type Fact = { label: string; value: string };

const probe = ({ path, period_ms, timeout_ms, failures_max }: Schema<"Probe">, end: string) =>
  `GET ${path} answers within ${duration(timeout_ms)}, asked every ${duration(period_ms)}; ${plural(failures_max, "failure")} in a row ${failures_max === 1 ? `${end}s` : end} it`;

export function probeFacts(document: RevisionDocument): Fact[] {
  return [
    { label: "Ready when", value: probe(document.readiness, "retire") },
    { label: "Alive while", value: probe(document.liveness, "restart") },
    { label: "May take to start", value: duration(document.startup_ms_max) },
    { label: "May take to stop", value: duration(document.runtime.stop_grace_ms) },
    { label: "Restarts", value: `at most ${count(document.runtime.restarts_max)} in a row` },
  ];
}

export function limitFacts({ limits, cpus_max, memory_bytes_max }: RevisionDocument): Fact[] {
  // The document always has them; only whoever asks may leave them out.
  const { timeout_ms = 0, concurrency_max = 0, queue_max = 0, queue_wait_ms_max = 0 } = limits;
  return [
    { label: "CPU", value: cpus_max > 0 ? `at most ${plural(cpus_max, "core")}` : "No limit" },
    { label: "Memory", value: memory_bytes_max > 0 ? `at most ${bytes(memory_bytes_max)}` : "No limit" },
    { label: "An answer", value: `within ${duration(timeout_ms)}` },
    { label: "At once", value: `${plural(concurrency_max, "request")} per replica` },
    {
      label: "Waiting",
      value:
        queue_max > 0 ? `${plural(queue_max, "request")}, at most ${duration(queue_wait_ms_max)}` : "None: refused",
    },
  ];
}

/** "/limits/queue_max" as "limits.queue_max". */
export const pathOf = (pointer: string) =>
  pointer
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .join(".");

/** The lines that a change takes away and those that it brings; a value that is not set has none. */
export function changedLines({ before, after }: { before?: unknown; after?: unknown }): DiffLine[] {
  const text = (value: unknown) => (value === undefined ? "" : toYaml(value).trimEnd());
  return diffLines(text(before), text(after)).filter((line) => line.kind !== "same" && line.text !== "");
}
