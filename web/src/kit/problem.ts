export type Violation = { pointer: string; message: string };

/** What the kit shows of a failure. */
export type Problem = {
  /** What went wrong, as a sentence. */
  cause: string;
  /** Of the answer; 0 where there was none. */
  status?: number;
  request_id?: string;
  violations: readonly Violation[];
};

/** Reads whatever was thrown: a problem of the API (RFC 9457), an Error, a text. */
export function toProblem(error: unknown): Problem {
  const { detail, title, message, status, request_id, violations } = (
    typeof error === "object" && error !== null ? error : { message: error }
  ) as Record<string, unknown>;
  // A title is only the name of the status: "Conflict".
  const cause = [detail, title, message].find((text) => typeof text === "string" && text !== "");
  return {
    cause: (cause as string | undefined) ?? "Something went wrong.",
    status: typeof status === "number" ? status : undefined,
    request_id: typeof request_id === "string" ? request_id : undefined,
    violations: Array.isArray(violations) ? (violations as Violation[]) : [],
  };
}
