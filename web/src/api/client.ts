import createClient from "openapi-fetch";
import { Problem } from "./problem";
import type { components, paths } from "./schema";

/** A type of the API: Schema<"Model">. */
export type Schema<Name extends keyof components["schemas"]> = components["schemas"][Name];

export type Session = Schema<"SessionInfo">;

let csrf: Promise<string | undefined> | undefined;
let on_signed_out = () => {};

/** The token that changes carry, when a session is known from elsewhere: a sign-in, the session query. */
export function rememberCsrfToken(token: string | undefined) {
  csrf = Promise.resolve(token);
}

/** Who is told that the session has ended. */
export function onSignedOut(tell: () => void) {
  on_signed_out = tell;
}

async function readCsrfToken(): Promise<string | undefined> {
  const response = await fetch("/api/v1/session");
  if (response.status === 401) return undefined;
  if (!response.ok) throw await Problem.of(response);
  return ((await response.json()) as Session).csrf_token;
}

/** What `api` sends with each change; exported for a request that tells its progress, which `api` cannot. */
export function csrfToken(): Promise<string | undefined> {
  csrf ??= readCsrfToken().catch((error: unknown) => {
    csrf = undefined;
    throw error;
  });
  return csrf;
}

async function send(request: Request): Promise<Response> {
  const changes = request.method !== "GET" && request.method !== "HEAD";
  // A second copy of what is small: large uploads are not kept in memory.
  const is_small = changes && request.headers.get("Content-Type")?.includes("json") !== false;
  const again = is_small ? request.clone() : undefined;
  try {
    let token: string | undefined;
    if (changes) {
      token = await csrfToken();
      if (token) request.headers.set("X-CSRF-Token", token);
    }
    let response = await fetch(request);
    if (response.status === 403 && changes && again) {
      // Another tab may have signed in anew: the cookie is its session's, the token was the old one's.
      csrf = undefined;
      const fresh = await csrfToken();
      if (fresh && fresh !== token) {
        again.headers.set("X-CSRF-Token", fresh);
        response = await fetch(again);
      }
    }
    if (response.ok) return response;
    const problem = await Problem.of(response);
    const signs_in = new URL(request.url).pathname.startsWith("/api/v1/session") && changes;
    if (response.status === 401 && !signs_in) {
      csrf = undefined;
      on_signed_out();
    }
    throw problem;
  } catch (error) {
    if (error instanceof Problem || request.signal.aborted) throw error;
    throw Problem.unreachable();
  }
}

/** Every call of the API. Whatever is not a success is thrown as a Problem. */
export const api = createClient<paths>({ baseUrl: location.origin, fetch: send });

/** The body of a call's answer: `await body(api.GET("/api/v1/session"))`. */
export async function body<T>(answer: Promise<{ data?: T }>): Promise<T> {
  return (await answer).data as T;
}
