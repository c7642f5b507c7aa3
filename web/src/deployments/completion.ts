// Reads answers of the OpenAI-compatible API as they are generated, and measures them.
import { eventData } from "./sse";
import { type Answer, GatewayError } from "./try";

export type Settings = {
  system: string;
  /** null: the engine's own */
  temperature: number | null;
  max_tokens: number | null;
};
export const defaultSettings: Settings = { system: "", temperature: null, max_tokens: 256 };

export type Figures = {
  /** Until the first token came. */
  first_ms?: number;
  total_ms: number;
  /** Of the answer; not `exact` where the engine does not count them: then the pieces that came. */
  tokens: number;
  exact: boolean;
  tokens_per_second?: number;
  prompt_tokens?: number;
  /** As the gateway named the call. */
  request_id?: string;
};

type Chunk = {
  choices?: {
    text?: string;
    delta?: { content?: string | null; reasoning_content?: string | null };
    message?: { content?: string | null; reasoning_content?: string | null };
    finish_reason?: string | null;
  }[];
  usage?: { prompt_tokens?: number; completion_tokens?: number } | null;
  error?: unknown;
};

/** An answer as far as it has come. */
export class Reading {
  text = "";
  /** What a reasoning model says to itself. */
  thought = "";
  finish?: string;
  request_id?: string;
  private usage?: { prompt_tokens?: number; completion_tokens?: number };
  private pieces = 0;
  private first_ms?: number;
  private last_ms: number;

  constructor(private readonly started_ms: number) {
    this.last_ms = started_ms;
  }

  take(chunk: Chunk, at_ms: number) {
    if (chunk.error) throw GatewayError.inStream(chunk.error);
    this.usage = chunk.usage ?? this.usage;
    const choice = chunk.choices?.[0];
    const said = choice?.delta ?? choice?.message;
    const text = choice?.text ?? said?.content ?? "";
    const thought = said?.reasoning_content ?? "";
    this.finish = choice?.finish_reason ?? this.finish;
    if (text === "" && thought === "") return;
    this.text += text;
    this.thought += thought;
    this.pieces += 1;
    this.first_ms ??= at_ms;
    this.last_ms = at_ms;
  }

  figures(): Figures {
    const counted = this.usage?.completion_tokens;
    const tokens = counted ?? this.pieces;
    const generating_ms = this.last_ms - (this.first_ms ?? this.last_ms);
    return {
      first_ms: this.first_ms === undefined ? undefined : this.first_ms - this.started_ms,
      total_ms: this.last_ms - this.started_ms,
      tokens,
      exact: counted !== undefined,
      // The first token is the prompt's work; the rate is that of those after it.
      tokens_per_second: tokens > 1 && generating_ms > 0 ? ((tokens - 1) * 1000) / generating_ms : undefined,
      prompt_tokens: this.usage?.prompt_tokens,
      request_id: this.request_id,
    };
  }
}

/** Reads to the end; `onProgress` after each piece. */
export async function readAnswer(answer: Answer, reading: Reading, onProgress: () => void): Promise<void> {
  const { response } = answer;
  reading.request_id = response.headers.get("X-Request-Id") ?? undefined;
  if (response.headers.get("Content-Type")?.includes("json") || !response.body) {
    // An engine that cannot stream answers at once.
    reading.take((await response.json()) as Chunk, performance.now());
    onProgress();
    return;
  }
  for await (const data of eventData(response.body)) {
    if (data === "[DONE]") return;
    reading.take(JSON.parse(data) as Chunk, performance.now());
    onProgress();
  }
  if (reading.finish === undefined)
    throw new GatewayError("The answer broke off.", "The connection or the engine ended. Its log says why.", 502);
}

/** What of the settings goes into the body. */
export const sampling = ({ temperature, max_tokens }: Settings) => ({
  ...(temperature !== null && { temperature }),
  ...(max_tokens !== null && { max_tokens }),
  stream: true,
  stream_options: { include_usage: true },
});
