import { expect, test } from "vitest";
import { eventData } from "./sse";

const stream = (chunks: readonly Uint8Array[]) =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });
async function read(chunks: readonly Uint8Array[]) {
  const events: string[] = [];
  for await (const data of eventData(stream(chunks))) events.push(data);
  return events;
}

const text =
  ': hello\r\n\r\ndata: {"a":"ü€"}\r\n\r\ndata:one\ndata: two\nid: 7\n\nevent: end\ndata\n\ndata: [DONE]\r\r';

test("however the bytes are cut, the events are the same", async () => {
  const bytes = new TextEncoder().encode(text);
  const expected = ['{"a":"ü€"}', "one\ntwo", "[DONE]"];
  expect(await read([bytes])).toEqual(expected);
  for (let cut = 1; cut < bytes.length; cut++)
    expect(await read([bytes.slice(0, cut), bytes.slice(cut)])).toEqual(expected);
  expect(await read([...bytes].map((byte) => new Uint8Array([byte])))).toEqual(expected);
});

test("what breaks off is no event", async () => {
  expect(await read([new TextEncoder().encode('data: 1\n\ndata: {"half')])).toEqual(["1"]);
});

test("who stops reading ends the stream", async () => {
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new TextEncoder().encode("data: x\n\n")),
    cancel() {
      cancelled = true;
    },
  });
  for await (const data of eventData(body)) {
    expect(data).toBe("x");
    break;
  }
  expect(cancelled).toBe(true);
});
