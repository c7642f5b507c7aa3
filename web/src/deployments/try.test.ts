import { afterEach, expect, test, vi } from "vitest";
import { Gateway, GatewayError, isAborted, messageIn } from "./try";

const trial = (token: string, received_ms: number) => ({
  id: "key_1",
  token,
  expires_at: "2030-01-01T00:10:00Z",
  gateway_url: "http://localhost:18088",
  serve_path: "/serve/northwind/digits",
  model: "digits",
  engine: "onnxruntime",
  engine_model: "digits",
  interface: "custom",
  inputs: [],
  outputs: [],
  retry_after_ms: 250,
  retry_for_ms: 5000,
  received_ms,
});
const call = () => ({ path: "/v1/embeddings", body: { input: "x" } });
const status = (code: number, body = "{}", headers?: HeadersInit) => new Response(body, { status: code, headers });

/** A gateway that knows some tokens; returns those that it was sent. */
function serve(answer: (token: string, url: string) => Response | Promise<Response>): string[] {
  const tokens: string[] = [];
  vi.stubGlobal("fetch", async (input: Request | string) => {
    const request = new Request(input);
    const token = request.headers.get("Authorization")?.replace("Bearer ", "") ?? "";
    tokens.push(token);
    return await answer(token, request.url);
  });
  return tokens;
}

afterEach(() => vi.useRealTimers());

test("a young token that is not known yet is tried again, until it is", async () => {
  vi.useFakeTimers({ now: 1_000_000 });
  const known_ms = Date.now() + 1900;
  const tokens = serve(() => status(Date.now() >= known_ms ? 200 : 401));
  const posted = new Gateway(async () => trial("a", Date.now())).post(call);
  await vi.advanceTimersByTimeAsync(2000);
  expect((await posted).response.status).toBe(200);
  expect(tokens).toHaveLength(9);
});

test("a token that was known and is refused has ended: another one is got, once", async () => {
  const asked: boolean[] = [];
  const tokens = serve((token) => status(token === "new" ? 200 : 401));
  const gateway = new Gateway(async (renew) => {
    asked.push(renew);
    return trial(renew ? "new" : "old", renew ? Date.now() : Date.now() - 60_000);
  });
  expect((await gateway.post(call)).response.status).toBe(200);
  expect(tokens).toEqual(["old", "new"]);
  expect(asked).toEqual([false, true]);
});

test("a gateway that knows no token of ours is not asked for ever", async () => {
  vi.useFakeTimers({ now: 1_000_000 });
  serve(() => status(401, '{"error":{"message":"Send an API key"}}'));
  const refused = new Gateway(async () => trial("a", Date.now() - 60_000)).post(call).catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await refused).toMatchObject({ status: 401, message: "Send an API key" });
});

test("waiting for a token to be known can be stopped", async () => {
  vi.useFakeTimers({ now: 1_000_000 });
  serve(() => status(401));
  const abort = new AbortController();
  const posted = new Gateway(async () => trial("a", Date.now())).post(call, abort.signal).catch((e: unknown) => e);
  await vi.advanceTimersByTimeAsync(100);
  abort.abort();
  expect(isAborted(await posted)).toBe(true);
});

test("a refusal says what happened, what to do, and when to try again", async () => {
  const headers = { "Retry-After": "3", "X-Request-Id": "req_7" };
  serve(() => status(429, '{"error":{"message":"Too many requests wait for this deployment."}}', headers));
  const error = await new Gateway(async () => trial("a", 0)).post(call).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(GatewayError);
  expect(error).toMatchObject({
    message: "Too many requests wait for this deployment.",
    status: 429,
    retry_after_s: 3,
    request_id: "req_7",
  });
  expect((error as GatewayError).advice).toMatch(/more replicas/);
});

test("what a browser does not tell is found out: no connection, or an origin that is not allowed", async () => {
  const gateway = new Gateway(async () => trial("a", 0));
  serve(() => Promise.reject(new TypeError("Failed to fetch")));
  expect(await gateway.post(call).catch((error: unknown) => error)).toMatchObject({
    message: "The gateway at http://localhost:18088 cannot be reached",
    status: 0,
  });
  serve((_, url) => (url.endsWith("/healthz") ? status(200) : Promise.reject(new TypeError("Failed to fetch"))));
  expect(await gateway.post(call).catch((error: unknown) => error)).toMatchObject({
    message: "The gateway at http://localhost:18088 does not let this page call it",
    advice: expect.stringContaining(`Add ${location.origin} to gateway.cors_origins`),
  });
});

test.each([
  ['{"error":{"message":"of OpenAI"}}', "of OpenAI"],
  ['{"error":"of the Open Inference Protocol"}', "of the Open Inference Protocol"],
  ['{"title":"Not Found","detail":"of a problem document"}', "of a problem document"],
  ['{"title":"only a title"}', "only a title"],
  ["plain text", "plain text"],
  ["<html>a page</html>", ""],
  ["null", ""],
  ["", ""],
])("the sentence in %s", (text, expected) => expect(messageIn(text)).toBe(expected));
