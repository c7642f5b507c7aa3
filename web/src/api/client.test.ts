import { beforeEach, expect, test, vi } from "vitest";
import { api, body, onSignedOut, rememberCsrfToken } from "./client";
import { Problem } from "./problem";

type Answer = [status: number, body?: unknown, headers?: Record<string, string>];

/** Answers in turn; returns what was asked. */
function answer(...answers: (Answer | Error)[]) {
  const asked: Request[] = [];
  vi.stubGlobal("fetch", async (input: RequestInfo | URL) => {
    asked.push(input instanceof Request ? input : new Request(new URL(String(input), location.href)));
    const next = answers.shift();
    if (!next) throw new Error(`no answer is left for ${asked.at(-1)?.url}`);
    if (next instanceof Error) throw next;
    const [status, json, headers] = next;
    return new Response(json === undefined ? null : JSON.stringify(json), { status, headers });
  });
  return asked;
}

const signed_out = vi.fn();
beforeEach(() => {
  signed_out.mockReset();
  onSignedOut(signed_out);
  rememberCsrfToken("t1");
});

const rename = () => api.POST("/api/v1/teams", { body: { name: "vision" } });

test("a refused request is thrown with all that the server says", async () => {
  answer([
    422,
    {
      type: "about:blank",
      title: "Unprocessable",
      status: 422,
      detail: "Correct the fields.",
      request_id: "req_1",
      violations: [{ pointer: "/name", message: "is taken" }],
    },
  ]);
  const problem = await rename().catch((error: unknown) => error);
  expect(problem).toBeInstanceOf(Problem);
  expect(problem).toMatchObject({ status: 422, title: "Unprocessable", request_id: "req_1", transient: false });
  expect((problem as Problem).violation("/name")).toBe("is taken");
});

test("an answer that is not JSON is a problem too", async () => {
  vi.stubGlobal("fetch", async () => new Response("<html>", { status: 502, headers: { "Retry-After": "7" } }));
  await expect(body(api.GET("/api/v1/roles"))).rejects.toMatchObject({
    status: 502,
    retry_after_s: 7,
    transient: true,
  });
});

test("no answer says what to check", async () => {
  answer(new TypeError("Failed to fetch"));
  await expect(body(api.GET("/api/v1/roles"))).rejects.toMatchObject({ status: 0, transient: true });
});

test("an abandoned request is not reported as an unreachable server", async () => {
  const controller = new AbortController();
  vi.stubGlobal("fetch", async () => {
    controller.abort();
    throw new DOMException("aborted", "AbortError");
  });
  await expect(api.GET("/api/v1/roles", { signal: controller.signal })).rejects.toMatchObject({ name: "AbortError" });
});

test("changes carry the token, reads do not", async () => {
  const asked = answer([200, { items: [] }], [201, {}]);
  await api.GET("/api/v1/roles");
  await rename();
  expect(asked.map((request) => request.headers.get("X-CSRF-Token"))).toEqual([null, "t1"]);
});

test("the token of a session that another tab began is fetched, and the change repeated once", async () => {
  const asked = answer([403, { detail: "not our page" }], [200, { csrf_token: "t2" }], [201, { name: "vision" }]);
  await rename();
  expect(asked.map((request) => request.headers.get("X-CSRF-Token"))).toEqual(["t1", null, "t2"]);
  expect(await asked[2]?.json()).toEqual({ name: "vision" });
});

test("a change that is forbidden is not repeated, and the permission is named", async () => {
  const asked = answer(
    [403, { detail: "This needs the permission teams:write. Ask an administrator for a role that has it." }],
    [200, { csrf_token: "t1" }],
  );
  await expect(rename()).rejects.toMatchObject({ status: 403, missing_permission: "teams:write" });
  expect(asked).toHaveLength(2);
});

test("a session that ended is announced, a wrong password is not", async () => {
  answer([401, {}]);
  await expect(api.GET("/api/v1/roles")).rejects.toMatchObject({ status: 401 });
  expect(signed_out).toHaveBeenCalledTimes(1);

  answer([401, {}], [401, { detail: "wrong" }]);
  await expect(api.POST("/api/v1/session", { body: { email: "a@example.org", password: "x" } })).rejects.toMatchObject({
    status: 401,
    detail: "wrong",
  });
  expect(signed_out).toHaveBeenCalledTimes(1);
});
