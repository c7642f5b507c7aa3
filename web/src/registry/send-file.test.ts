import { beforeEach, expect, test, vi } from "vitest";
import { checked_bytes } from "./checksums";
import { sendFile } from "./send-file";

// Not the one for Node.js, which this environment would choose.
vi.mock("tus-js-client", () => vi.importActual("../../node_modules/tus-js-client/lib.esm/browser/index.js"));
vi.mock("@/api/client", () => ({ csrfToken: async () => "token" }));

type Sent = { method: string; headers: Record<string, string>; size: number };
let sent: Sent[];
/** How often the next requests find what they brought damaged. */
let damaged: number;
/** How often the server is asked while it works on what has arrived. */
let busy: number;
let waited_for: string[];

/** The browser's end of a server that speaks tus and holds one file. */
class Exchange {
  static stands_at = 0;
  upload = {};
  status = 0;
  responseText = "{}";
  onload = () => {};
  private readonly sent: Sent = { method: "", headers: {}, size: 0 };
  private answered: Record<string, string> = {};
  open(method: string) {
    this.sent.method = method;
  }
  setRequestHeader(name: string, value: string) {
    this.sent.headers[name] = value;
  }
  getResponseHeader(name: string) {
    return this.answered[name] ?? null;
  }
  abort() {}
  send(body: Blob | null) {
    this.sent.size = body?.size ?? 0;
    sent.push(this.sent);
    if (this.sent.method === "POST") {
      this.status = 201;
      this.answered = { Location: "/api/v1/uploads/tus/trf_1" };
    } else if (busy > 0 && Exchange.stands_at === checked_bytes + 5) {
      busy--;
      this.status = 423;
    } else if (this.sent.method === "HEAD") {
      this.status = 200;
      this.answered = { "Upload-Offset": `${Exchange.stands_at}`, "Upload-Length": `${checked_bytes + 5}` };
    } else if (damaged-- > 0) {
      this.status = 460;
      this.responseText = '{"detail": "What arrived does not have the digest of Upload-Checksum."}';
    } else {
      this.status = 204;
      Exchange.stands_at += this.sent.size;
      this.answered = { "Upload-Offset": `${Exchange.stands_at}` };
      if (busy > 0 && Exchange.stands_at === checked_bytes + 5) this.status = 502; // the connection did not last
    }
    queueMicrotask(() => this.onload());
  }
}

const bytes = new Uint8Array(checked_bytes + 5).fill(97);
const send = () =>
  sendFile({
    upload_id: "upl_1",
    path: "model.bin",
    file: new File([bytes], "model.bin"),
    unpack: false,
    signal: new AbortController().signal,
    onControl: () => {},
    onProgress: () => {},
    onWaiting: (reason) => waited_for.push(reason),
  });
const parts = () => sent.filter(({ method }) => method === "PATCH");

beforeEach(() => {
  vi.stubGlobal("XMLHttpRequest", Exchange);
  sent = [];
  damaged = 0;
  busy = 0;
  waited_for = [];
  Exchange.stands_at = 0;
});

test("each part goes with its SHA-256", async () => {
  await send();
  expect(parts().map(({ size }) => size)).toEqual([checked_bytes, 5]);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes.slice(0, 5)));
  expect(parts()[1]!.headers["Upload-Checksum"]).toBe(`sha256 ${btoa(String.fromCharCode(...digest))}`);
  expect(parts()[0]!.headers["Upload-Checksum"]).toMatch(/^sha256 .{43}=$/);
  expect(sent[0]!.headers["Upload-Checksum"]).toBeUndefined();
});

test("a part that was damaged on the way is sent again", async () => {
  damaged = 3;
  await send();
  expect(parts().map(({ size }) => size)).toEqual([...Array(4).fill(checked_bytes), 5]);
});

test("after three repetitions the damage is told", async () => {
  damaged = 100;
  await expect(send()).rejects.toMatchObject({ status: 460 });
  expect(parts()).toHaveLength(4);
});

test("a server that works on what was sent is waited for", async () => {
  busy = 1;
  await send();
  expect(parts().map(({ size }) => size)).toEqual([checked_bytes, 5]);
  expect(waited_for).toEqual(["connection", "server"]);
});

test("without a secure context it goes in one request, without a checksum", async () => {
  vi.stubGlobal("crypto", { getRandomValues: crypto.getRandomValues.bind(crypto) });
  await send();
  expect(parts().map(({ size }) => size)).toEqual([bytes.length]);
  expect(parts()[0]!.headers["Upload-Checksum"]).toBeUndefined();
});

test("a request that is aborted while it is hashed is not sent", async () => {
  let pause = () => {};
  const hash = crypto.subtle.digest.bind(crypto.subtle);
  const hashed = new Promise<void>((resolve) => {
    vi.spyOn(crypto.subtle, "digest").mockImplementation(async (...given) => {
      pause();
      const digest = await hash(...given);
      setTimeout(resolve); // after whatever the digest sets off
      return digest;
    });
  });
  void sendFile({
    upload_id: "upl_1",
    path: "model.bin",
    file: new File(["12345"], "model.bin"),
    unpack: false,
    transfer_id: "trf_1",
    signal: new AbortController().signal,
    onControl: (control) => {
      pause = control.pause;
    },
    onProgress: () => {},
    onWaiting: () => {},
  });
  await hashed;
  expect(parts()).toHaveLength(0);
});
