// Calls a deployment from the page: inference never travels over the control plane.
import { type QueryClient, queryOptions, useQuery, useQueryClient } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Schema } from "@/api/client";
import { api, body } from "@/api/client";

export type Port = Schema<"TensorPort">;

export type Trial = {
  id: string;
  token: string;
  expires_at: string;
  gateway_url: string;
  serve_path: string;
  model: string;
  engine: string;
  engine_model: string;
  interface: string;
  inputs: Port[];
  outputs: Port[];
  retry_after_ms: number;
  retry_for_ms: number;
};
type HeldTrial = Trial & { received_ms: number };

/** So long before its end a token is no longer begun with. */
const reserve_ms = 20_000;
/** So long it is, whatever the clock of this computer says of its end. */
const held_ms_min = 60_000;

const begin = async (deployment: string): Promise<HeldTrial> => {
  const post = api.POST as unknown as (path: string, init: unknown) => Promise<{ data: Trial }>;
  const trial = await body(post("/api/v1/deployments/{deployment}/try", { params: { path: { deployment } } }));
  return { ...trial, received_ms: Date.now() };
};

/** In memory only; forgotten with everything else when somebody else signs in. Its key keeps it out of refreshes. */
const trialQuery = (deployment: string) =>
  queryOptions({
    queryKey: ["try", deployment],
    queryFn: () => begin(deployment),
    staleTime: ({ state }) =>
      state.data ? Math.max(held_ms_min, Date.parse(state.data.expires_at) - reserve_ms - state.data.received_ms) : 0,
    gcTime: 10 * 60_000,
  });

/** What a page needs to call the deployment: where, and what goes in and comes out. */
export const useTrial = (deployment: string) => useQuery(trialQuery(deployment));

/** Calls of the deployment from this page. */
export function useGateway(deployment: string): Gateway {
  const client = useQueryClient();
  return useMemo(() => gatewayOf(client, deployment), [client, deployment]);
}

const gatewayOf = (client: QueryClient, deployment: string) =>
  new Gateway((renew) => client.fetchQuery({ ...trialQuery(deployment), ...(renew && { staleTime: 0 }) }));

// ------------------------------------------------------------------------------------------------- calls

/** `started_ms`: when the attempt that was answered began, on the clock of performance.now(). */
export type Answer = { response: Response; started_ms: number };

export class Gateway {
  constructor(private readonly trial: (renew: boolean) => Promise<HeldTrial>) {}

  /** Posts what `to` makes of the trial. Whatever is not a success is thrown as a GatewayError. */
  post(to: (trial: Trial) => Call, signal?: AbortSignal): Promise<Answer> {
    return this.attempt(to, signal, false);
  }

  private async attempt(to: (trial: Trial) => Call, signal: AbortSignal | undefined, renew: boolean): Promise<Answer> {
    const trial = await this.trial(renew);
    signal?.throwIfAborted();
    const answer = await patientPost(trial, to(trial), signal);
    if (answer.response.ok) return answer;
    // A token that is refused may have ended, or have been revoked: another one is tried once.
    if (answer.response.status === 401 && !renew) return this.attempt(to, signal, true);
    throw await GatewayError.of(answer.response);
  }
}

export type Call = { path: string; body: unknown };

/** Repeats a call that was refused as long as the gateway may not have heard of the token yet. */
async function patientPost(trial: HeldTrial, call: Call, signal?: AbortSignal): Promise<Answer> {
  for (;;) {
    const started_ms = performance.now();
    const response = await post(trial, call, signal);
    const young = Date.now() - trial.received_ms < trial.retry_for_ms;
    if (response.status !== 401 || !young) return { response, started_ms };
    await pause(trial.retry_after_ms, signal);
  }
}

async function post({ gateway_url, token }: Trial, call: Call, signal?: AbortSignal): Promise<Response> {
  try {
    const request = new Request(gateway_url + call.path, {
      method: "POST",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: typeof call.body === "string" ? call.body : JSON.stringify(call.body),
      credentials: "omit",
      signal,
    });
    return await fetch(request);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw await whyUnreachable(gateway_url);
  }
}

const pause = (ms: number, signal?: AbortSignal) =>
  new Promise<void>((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal!.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });

export const isAborted = (error: unknown) => error instanceof DOMException && error.name === "AbortError";

// ------------------------------------------------------------------------------------------------ errors

/** Why a call failed: `message` says what happened, `advice` what to do. */
export class GatewayError extends Error {
  override readonly name = "GatewayError";

  constructor(
    message: string,
    readonly advice: string,
    readonly status = 0,
    readonly retry_after_s?: number,
    readonly request_id?: string,
  ) {
    super(message);
  }

  /** Whether the same call may succeed later. */
  get transient(): boolean {
    return [0, 401, 404, 408, 429].includes(this.status) || this.status >= 500;
  }

  static async of(response: Response): Promise<GatewayError> {
    const { status, headers } = response;
    const seconds = Number(headers.get("Retry-After") || Number.NaN);
    const said = messageIn(await response.text().catch(() => ""));
    const message = said || `The answer was ${status} ${response.statusText}`.trim();
    return new GatewayError(
      message,
      adviceFor(status),
      status,
      Number.isFinite(seconds) ? seconds : undefined,
      headers.get("X-Request-Id") ?? undefined,
    );
  }

  /** An error that came in the midst of a stream. */
  static inStream(error: unknown): GatewayError {
    return new GatewayError(messageIn(JSON.stringify({ error })) || "The engine broke off its answer.", adviceFor(502));
  }
}

/** The sentence in an error's body: of OpenAI, of the Open Inference Protocol, or a problem document (RFC 9457). */
export function messageIn(text: string): string {
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    return text.length <= 300 && !text.trimStart().startsWith("<") ? text.trim() : "";
  }
  const { error, detail, title, message } = fieldsOf(said);
  const all = [fieldsOf(error).message, error, detail, message, title];
  return all.find((one): one is string => typeof one === "string" && one !== "") ?? "";
}

const fieldsOf = (value: unknown) =>
  (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;

function adviceFor(status: number): string {
  if (status === 401)
    return "The gateway does not know the key that this page was given. Check that it reaches the server: it is listed under Targets.";
  if (status === 404)
    return "Gateways hear of a new deployment within seconds. If this stays, check that the engine serves this path.";
  if (status === 413) return "Send less at once.";
  if (status === 429) return "Too much came at once. Wait a moment; more replicas, or a longer queue, would take more.";
  if (status === 502) return "The engine may have ended. Its log says why.";
  if (status === 503) return "No replica has a free place. Wait a moment, or scale the deployment.";
  if (status === 504)
    return "It took longer than the deployment's limit. Ask for less, or give it more time in its configuration.";
  if (status >= 500) return "The engine failed. Its log says why.";
  return "The engine refused the request: change it and try again.";
}

/** A browser does not tell why there was no answer: this finds out. */
async function whyUnreachable(gateway_url: string): Promise<GatewayError> {
  const { protocol, hostname } = new URL(gateway_url);
  const loopback = hostname === "localhost" || hostname === "127.0.0.1" || hostname === "[::1]";
  if (location.protocol === "https:" && protocol === "http:" && !loopback)
    return new GatewayError(
      `The browser does not let this page call ${gateway_url}`,
      "The page came over https, the gateway has an address of http. Set gateway.public_url of the server to an https address.",
    );
  try {
    await fetch(`${gateway_url}/healthz`, { mode: "no-cors", cache: "no-store", credentials: "omit" });
  } catch {
    return new GatewayError(
      `The gateway at ${gateway_url} cannot be reached`,
      "Check that it runs, and that this computer reaches its address.",
    );
  }
  return new GatewayError(
    `The gateway at ${gateway_url} does not let this page call it`,
    `Add ${location.origin} to gateway.cors_origins in the server's configuration; gateways take it over within seconds.`,
  );
}
