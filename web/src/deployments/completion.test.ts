import { expect, test, vi } from "vitest";
import { defaultSettings, Reading, readAnswer, sampling } from "./completion";

const piece = (content: string, finish_reason?: string) => ({ choices: [{ delta: { content }, finish_reason }] });
const streamed = (...events: unknown[]) =>
  new Response(
    events.map((event) => `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`).join(""),
    {
      headers: { "Content-Type": "text/event-stream" },
    },
  );
const read = async (response: Response) => {
  const reading = new Reading(0);
  const seen: string[] = [];
  await readAnswer({ response, started_ms: 0 }, reading, () => seen.push(reading.text));
  return { reading, seen };
};

test("figures: until the first token, the rate of those after it, what the engine counts", () => {
  const reading = new Reading(1000);
  reading.take({ choices: [{ delta: { content: "" } }] }, 1100); // only the role
  reading.take(piece("One"), 1250);
  reading.take(piece(" two"), 1750);
  reading.take(piece(" three", "stop"), 2250);
  expect(reading.figures()).toEqual({
    first_ms: 250,
    total_ms: 1250,
    tokens: 3,
    exact: false,
    tokens_per_second: 2,
    prompt_tokens: undefined,
  });
  reading.take({ choices: [], usage: { prompt_tokens: 12, completion_tokens: 5 } }, 2300);
  expect(reading.figures()).toMatchObject({
    tokens: 5,
    exact: true,
    tokens_per_second: 4,
    prompt_tokens: 12,
    total_ms: 1250,
  });
  expect(reading.finish).toBe("stop");
});

test("an answer of one token has no rate", () => {
  const reading = new Reading(0);
  reading.take(piece("Yes", "stop"), 100);
  expect(reading.figures().tokens_per_second).toBeUndefined();
});

test("an answer comes piece by piece, thoughts apart", async () => {
  const thought = { choices: [{ delta: { reasoning_content: "Hm." } }] };
  const { reading, seen } = await read(streamed(thought, piece("Red"), piece(", blue", "length"), "[DONE]"));
  expect(seen).toEqual(["", "Red", "Red, blue"]);
  expect(reading).toMatchObject({ text: "Red, blue", thought: "Hm.", finish: "length" });
});

test("completions have their text elsewhere", async () => {
  const { reading } = await read(
    streamed({ choices: [{ text: "upon" }] }, { choices: [{ text: " a", finish_reason: "stop" }] }),
  );
  expect(reading.text).toBe("upon a");
});

test("an engine that does not stream answers at once", async () => {
  const answer = {
    choices: [{ message: { content: "Hello" }, finish_reason: "stop" }],
    usage: { completion_tokens: 2 },
  };
  const { reading } = await read(Response.json(answer));
  expect(reading.text).toBe("Hello");
  expect(reading.figures()).toMatchObject({ tokens: 2, exact: true });
});

test("what goes wrong in the midst of an answer is told", async () => {
  const onProgress = vi.fn();
  const reading = new Reading(0);
  const response = streamed(piece("Half"), { error: { message: "out of memory" } });
  await expect(readAnswer({ response, started_ms: 0 }, reading, onProgress)).rejects.toThrow("out of memory");
  expect(reading.text).toBe("Half");
  await expect(read(streamed(piece("Half")))).rejects.toThrow("The answer broke off.");
});

test("what is not set is left to the engine", () => {
  expect(sampling({ ...defaultSettings, max_tokens: null })).toEqual({
    stream: true,
    stream_options: { include_usage: true },
  });
  expect(sampling({ system: "", temperature: 0, max_tokens: 8 })).toMatchObject({ temperature: 0, max_tokens: 8 });
});
