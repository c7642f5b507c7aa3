import { expect, test, vi } from "vitest";
import { defaultSettings } from "./completion";
import { callOf, Generation, type Turn } from "./generation";
import { type Call, type Gateway, GatewayError, type Trial } from "./try";

const turn = (question: string, text: string, state: Turn["state"] = "done"): Turn => ({
  id: 1,
  question,
  text,
  thought: "",
  state,
});

test("a chat tells the model what was said, without questions that have no answer", () => {
  const turns = [turn("a?", "A."), turn("b?", "", "failed"), turn("c?", "half", "stopped")];
  const { path, body } = callOf("chat", "gemma", turns, "d?", { ...defaultSettings, system: " Be brief. " });
  expect(path).toBe("/v1/chat/completions");
  expect(body).toMatchObject({
    model: "gemma",
    stream: true,
    messages: [
      { role: "system", content: "Be brief." },
      { role: "user", content: "a?" },
      { role: "assistant", content: "A." },
      { role: "user", content: "c?" },
      { role: "assistant", content: "half" },
      { role: "user", content: "d?" },
    ],
  });
});

test("a completion stands alone", () => {
  const { path, body } = callOf("completion", "gemma", [turn("a", "b")], "Once", defaultSettings);
  expect(path).toBe("/v1/completions");
  expect(body).toMatchObject({ prompt: "Once", max_tokens: 256 });
  expect(body).not.toHaveProperty("messages");
});

/** A gateway whose answers are written by hand. */
function gateway() {
  const asked: { call: Call; say: (text: string) => void; end: () => void; signal: AbortSignal }[] = [];
  const encoder = new TextEncoder();
  const post = async (to: (trial: Trial) => Call, signal: AbortSignal) => {
    let writer!: ReadableStreamDefaultController<Uint8Array>;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        writer = controller;
        signal.addEventListener("abort", () => controller.error(signal.reason));
      },
    });
    const send = (data: unknown) => writer.enqueue(encoder.encode(`data: ${JSON.stringify(data)}\n\n`));
    asked.push({
      call: to({ model: "gemma" } as Trial),
      signal,
      say: (content) => send({ choices: [{ delta: { content } }] }),
      end: () => {
        send({ choices: [{ delta: {}, finish_reason: "stop" }] });
        writer.close();
      },
    });
    return { response: new Response(body, { headers: { "Content-Type": "text/event-stream" } }), started_ms: 0 };
  };
  return { asked, gateway: { post } as unknown as Gateway };
}
const last = (generation: Generation) => generation.current().turns.at(-1);

test("an answer grows until it is done; only one runs at a time", async () => {
  const generation = new Generation("chat");
  const { asked, gateway: to } = gateway();
  const sent = generation.send(to, "Hello?");
  expect(last(generation)).toMatchObject({ question: "Hello?", state: "waiting" });
  await generation.send(to, "And?");
  expect(generation.current().turns).toHaveLength(1);
  await vi.waitFor(() => expect(asked).toHaveLength(1));
  asked[0]!.say("Hi");
  await vi.waitFor(() => expect(last(generation)).toMatchObject({ text: "Hi", state: "running" }));
  asked[0]!.say(" there");
  asked[0]!.end();
  await sent;
  expect(last(generation)).toMatchObject({ text: "Hi there", state: "done", finish: "stop", figures: { tokens: 2 } });
  expect(generation.current().running).toBe(false);
});

test("stopping keeps what has come, and is no failure", async () => {
  const generation = new Generation("chat");
  const { asked, gateway: to } = gateway();
  const sent = generation.send(to, "Hello?");
  await vi.waitFor(() => expect(asked).toHaveLength(1));
  asked[0]!.say("Hi");
  await vi.waitFor(() => expect(last(generation)?.text).toBe("Hi"));
  generation.stop();
  await sent;
  expect(last(generation)).toMatchObject({ text: "Hi", state: "stopped", figures: { tokens: 1 } });
});

test("what failed can be asked again", async () => {
  const generation = new Generation("chat");
  const error = new GatewayError("Too many requests wait.", "Wait.", 429, 1);
  const failing = { post: () => Promise.reject(error) } as unknown as Gateway;
  await generation.send(failing, "Hello?");
  expect(last(generation)).toMatchObject({ state: "failed", error });
  const { asked, gateway: to } = gateway();
  const sent = generation.retry(to);
  await vi.waitFor(() => expect(asked).toHaveLength(1));
  asked[0]!.end();
  await sent;
  expect(generation.current().turns).toHaveLength(1);
  expect(last(generation)).toMatchObject({ question: "Hello?", state: "done" });
});

test("clearing forgets what still runs", async () => {
  const generation = new Generation("chat");
  const { asked, gateway: to } = gateway();
  const sent = generation.send(to, "Hello?");
  await vi.waitFor(() => expect(asked).toHaveLength(1));
  generation.clear();
  await sent;
  expect(asked[0]!.signal.aborted).toBe(true);
  expect(generation.current()).toMatchObject({ turns: [], running: false });
});
