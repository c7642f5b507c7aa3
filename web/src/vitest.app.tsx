// The whole app in a test: its real pages at a path, over a server that the test describes.
import { createMemoryHistory } from "@tanstack/react-router";
import { act, render } from "@testing-library/react";
import { vi } from "vitest";
import { rememberCsrfToken, type Session } from "./api/client";
import { queryClient } from "./api/queries";
import { App } from "./app";
import { makeRouter } from "./router";

export const session: Session = {
  actor_id: "usr_1",
  name: "Mara Okafor",
  organization_id: "org_1",
  organization: "northwind",
  role: "admin",
  permissions: [
    "approvals:decide",
    "approvals:read",
    "deployments:read",
    "deployments:write",
    "events:read",
    "models:read",
    "models:write",
    "operations:cancel",
    "operations:read",
    "roles:read",
    "targets:read",
  ],
  team_ids: [],
  has_password: true,
  csrf_token: "csrf",
};

/** The problem of an answer: `refusal(403, "This needs the permission models:write.")`. */
export const refusal = (status: number, detail: string, headers?: HeadersInit) =>
  new Response(JSON.stringify({ type: "about:blank", title: "Refused", status, detail, request_id: "req_1" }), {
    status,
    headers,
  });

/** By method and path: a body, a Response, or what makes one of them of the request. */
export type Answers = Record<string, unknown>;

class SilentSource {
  readyState = 0;
  onopen = null;
  onmessage = null;
  onerror = null;
  close() {
    this.readyState = 2;
  }
}

/** Answers every request of the page, and returns those that were made. What is not described is 404. */
export function serve(answers: Answers): Request[] {
  const asked: Request[] = [];
  const all: Answers = {
    "GET /api/v1/session": session,
    "GET /api/v1/operations": { items: [] },
    "GET /api/v1/deployments": { items: [] },
    "GET /api/v1/models": { items: [] },
    "GET /api/v1/targets": { items: [] },
    "GET /api/v1/approvals": { items: [] },
    ...answers,
  };
  vi.stubGlobal("EventSource", SilentSource);
  vi.stubGlobal("fetch", async (input: RequestInfo | URL) => {
    const request = input instanceof Request ? input : new Request(new URL(String(input), location.href));
    asked.push(request.clone());
    const answer = all[`${request.method} ${new URL(request.url).pathname}`];
    const made = typeof answer === "function" ? await answer(request) : answer;
    if (made instanceof Response) return made.clone();
    if (made === undefined) return refusal(404, "There is nothing at this path.");
    return new Response(made === null ? null : JSON.stringify(made), { status: made === null ? 204 : 200 });
  });
  return asked;
}

/** Shows the app at a path. */
export async function renderApp(path: string, answers: Answers = {}) {
  queryClient.clear();
  rememberCsrfToken("csrf");
  const asked = serve(answers);
  const history = createMemoryHistory({ initialEntries: [path] });
  const router = makeRouter(history);
  const view = render(<App router={router} />);
  await act(() => router.load());
  return { ...view, router, asked, requests: (route: string) => asked.filter((request) => routeOf(request) === route) };
}

const routeOf = (request: Request) => `${request.method} ${new URL(request.url).pathname}`;
