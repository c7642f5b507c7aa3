/** A field that was refused, named by its JSON Pointer. */
export type Violation = { pointer: string; message: string };

type Body = {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  request_id?: string;
  violations?: Violation[];
};

/** An answer that refused the request (RFC 9457), or, with status 0, that there was no answer. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: number;
  readonly type: string;
  readonly title: string;
  /** What a person can do about it. */
  readonly detail: string;
  readonly violations: readonly Violation[];
  readonly request_id?: string;
  /** When to try again, where the server says so. */
  readonly retry_after_s?: number;

  constructor(status: number, body: Body, retry_after_s?: number) {
    super(body.detail || body.title || `The server answered ${status}.`);
    this.status = status;
    this.type = body.type ?? "about:blank";
    this.title = body.title ?? `The server answered ${status}`;
    this.detail = body.detail ?? "";
    this.violations = body.violations ?? [];
    this.request_id = body.request_id;
    this.retry_after_s = retry_after_s;
  }

  static async of(response: Response): Promise<Problem> {
    const retry_after = Number(response.headers.get("Retry-After") ?? Number.NaN);
    const body = await response.json().catch(() => ({}));
    return new Problem(
      response.status,
      typeof body === "object" && body !== null ? (body as Body) : {},
      Number.isFinite(retry_after) ? retry_after : undefined,
    );
  }

  static unreachable(): Problem {
    return new Problem(0, { title: "The server cannot be reached", detail: unreachable.message });
  }

  /** Whether the same request may succeed later without a change. */
  get transient(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }

  /** The permission that was missing, of a 403. */
  get missing_permission(): string | undefined {
    return this.status === 403 ? /permission ([a-z_]+:[a-z_]+)/.exec(this.detail)?.[1] : undefined;
  }

  /** What is wrong with the field that `pointer` names ("/name"). */
  violation(pointer: string): string | undefined {
    return this.violations.find((violation) => violation.pointer === pointer)?.message;
  }
}

/** What an error says when no answer came. */
export const unreachable = {
  status: 0,
  message: "No answer came. Check that ModelOps runs and that you are connected, then try again.",
};

export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof Error && "status" in error && error.status === 0) return Problem.unreachable();
  return new Problem(-1, {
    title: "This page met an error of its own",
    detail: error instanceof Error ? error.message : String(error),
  });
}
