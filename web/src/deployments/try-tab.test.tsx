import { cleanup, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test } from "vitest";
import { TryTab } from "./try-tab";
import { deployment, renderPart } from "./vitest.part";

const gateway = "http://localhost:18088";
const may = ["deployments:read", "inference:call"];
const begin = "POST /api/v1/deployments/dep_1/try";
const infer = "POST /serve/northwind/my-digits/v2/models/digits/infer";
const pixels = { name: "pixels", dtype: "float32", shape: [-1, 64], dim_names: ["N", ""] };

const trial = (change = {}) => ({
  id: "key_1",
  token: "mo_api_secret",
  expires_at: new Date(Date.now() + 600_000).toISOString(),
  gateway_url: gateway,
  serve_path: "/serve/northwind/my-digits",
  model: "my-digits",
  engine: "onnxruntime",
  engine_model: "digits",
  interface: "custom",
  inputs: [pixels],
  outputs: [],
  retry_after_ms: 1,
  retry_for_ms: 5000,
  ...change,
});
/** Sure of a class. */
const sure = (of: number) => ({
  outputs: [
    {
      name: "probabilities",
      shape: [1, 10],
      datatype: "FP32",
      data: Array.from({ length: 10 }, (_, i) => (i === of ? 1 : 0)),
    },
  ],
});
const requestsTo = (asked: Request[], path: string) => asked.filter((one) => new URL(one.url).pathname === path);

beforeEach(() => {
  Element.prototype.setPointerCapture ??= () => {};
});

test("whoever may not call deployments is told what is missing, and no key is made", async () => {
  const { asked } = await renderPart(<TryTab deployment={deployment()} />, ["deployments:read"]);
  expect(await screen.findByText("inference:call")).toBeInTheDocument();
  expect(requestsTo(asked, "/api/v1/deployments/dep_1/try")).toHaveLength(0);
});

test("a deployment that does not answer says why, and no key is made", async () => {
  const reason = { code: "engine_exited", message: "The engine ended with code 1." };
  const { asked } = await renderPart(
    <TryTab deployment={deployment({ state: "failed", reason, replicas_ready: 0 })} />,
    may,
  );
  const notice = await screen.findByText("Failed: no replica answers");
  expect(notice).toBeInTheDocument();
  expect(screen.getByText("The engine ended with code 1.")).toBeInTheDocument();
  expect(requestsTo(asked, "/api/v1/deployments/dep_1/try")).toHaveLength(0);
});

test("a digit is drawn by keyboard, and the model's answer shown", async () => {
  const user = userEvent.setup();
  const answers = { [begin]: trial(), [infer]: sure(1) };
  const { asked } = await renderPart(<TryTab deployment={deployment()} />, may, answers);
  const pad = await screen.findByRole("application", { name: "Draw a digit" });
  pad.focus();
  await user.keyboard(" {ArrowDown}{ArrowDown}{ArrowDown}{ArrowDown}{ArrowDown}{ArrowDown} ");
  expect(await screen.findByText("Pen lifted")).toBeInTheDocument();
  const likely = await screen.findByText("Most likely");
  expect(likely).toHaveTextContent("Most likely 1");
  const calls = requestsTo(asked, "/serve/northwind/my-digits/v2/models/digits/infer");
  expect(calls[0]!.headers.get("Authorization")).toBe("Bearer mo_api_secret");
  const sent = (await calls.at(-1)!.json()) as { inputs: { shape: number[]; data: number[] }[] };
  expect(sent.inputs[0]).toMatchObject({ name: "pixels", datatype: "FP32", shape: [1, 64] });
  expect(Math.max(...sent.inputs[0]!.data)).toBeGreaterThan(8);
  const command = screen.getByRole("region", { name: "Command" });
  expect(command).toHaveTextContent("Bearer $MODELOPS_API_KEY");
  expect(command).not.toHaveTextContent("mo_api_secret");
  pad.focus();
  await user.keyboard("{Delete}");
  expect(await screen.findByText("The model answers while you draw.")).toBeInTheDocument();
});

test("a gateway that does not know the key yet is asked again", async () => {
  const user = userEvent.setup();
  let refusals = 3;
  const answers = {
    [begin]: trial({ inputs: [{ ...pixels, shape: [-1, 3] }] }),
    [infer]: () => (refusals-- > 0 ? new Response("{}", { status: 401 }) : sure(0)),
  };
  const { asked } = await renderPart(<TryTab deployment={deployment()} />, may, answers);
  await user.click(await screen.findByRole("button", { name: "Ask" }));
  expect(await screen.findByText("Most likely")).toHaveTextContent("Most likely 0");
  expect(requestsTo(asked, "/serve/northwind/my-digits/v2/models/digits/infer")).toHaveLength(4);
  expect(requestsTo(asked, "/api/v1/deployments/dep_1/try")).toHaveLength(1);
});

test("JSON that cannot be sent says what is wrong with it", async () => {
  const user = userEvent.setup();
  await renderPart(<TryTab deployment={deployment()} />, may, { [begin]: trial() });
  await user.click(await screen.findByRole("button", { name: "As JSON" }));
  const box = screen.getByRole("textbox", { name: "Request" });
  expect(JSON.parse((box as HTMLTextAreaElement).value)).toEqual({
    inputs: [{ name: "pixels", shape: [1, 64], datatype: "FP32", data: new Array(64).fill(0) }],
  });
  await user.clear(box);
  await user.type(box, "nonsense");
  expect(await screen.findByText(/^This is not JSON/)).toBeInTheDocument();
  expect(screen.getByRole("button", { name: "Ask" })).toHaveAttribute("aria-disabled", "true");
});

const json = (body: unknown) => new Response(JSON.stringify(body), { headers: { "Content-Type": "application/json" } });
const streamed = (...texts: string[]) =>
  new Response(
    [
      ...texts.map((content) => ({ choices: [{ delta: { content } }] })),
      { choices: [{ delta: {}, finish_reason: "stop" }] },
      { choices: [], usage: { prompt_tokens: 9, completion_tokens: texts.length } },
      "[DONE]",
    ]
      .map((event) => `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`)
      .join(""),
    { headers: { "Content-Type": "text/event-stream" } },
  );

test("a chat: Enter sends, Shift and Enter does not, the answer and its figures are shown and kept", async () => {
  const user = userEvent.setup();
  const chat = "POST /v1/chat/completions";
  const shown = deployment({ id: "dep_2", interface: "chat" });
  const answers = {
    "POST /api/v1/deployments/dep_2/try": trial({ interface: "chat", inputs: [] }),
    [chat]: streamed("Red", ", blue"),
  };
  const { asked, unmount } = await renderPart(<TryTab deployment={shown} />, may, answers);
  const box = await screen.findByRole("textbox", { name: "Message" });
  await user.type(box, "Two colours{Shift>}{Enter}{/Shift}please{Enter}");
  const turns = screen.getByRole("region", { name: "Conversation" });
  await waitFor(() => expect(within(turns).getByText("2 tokens")).toBeInTheDocument());
  expect(within(turns).getByText("Red, blue")).toBeInTheDocument();
  expect(within(turns).getByRole("status")).toHaveTextContent("Answer: Red, blue");
  expect(box).toHaveValue("");
  const [call] = requestsTo(asked, "/v1/chat/completions");
  expect(await call!.json()).toMatchObject({
    model: "my-digits",
    messages: [{ role: "user", content: "Two colours\nplease" }],
    stream: true,
    stream_options: { include_usage: true },
  });
  unmount();
  await renderPart(<TryTab deployment={shown} />, may, answers);
  expect(await screen.findByText("Red, blue")).toBeInTheDocument();
  await user.click(screen.getByRole("button", { name: "Clear" }));
  expect(screen.queryByText("Red, blue")).not.toBeInTheDocument();
});

test("an answer of a chat is shown as the Markdown that it is, one of a completion as it is", async () => {
  const user = userEvent.setup();
  const hostile = "**Red** <img src=x onerror=alert(1)>\n\n- blue";
  const show = async (id: string, kind: "chat" | "completion", route: string, label: string, answer: Response) => {
    await renderPart(<TryTab deployment={deployment({ id, interface: kind })} />, may, {
      [`POST /api/v1/deployments/${id}/try`]: trial({ interface: kind, inputs: [] }),
      [route]: answer,
    });
    await user.type(await screen.findByRole("textbox", { name: label }), "Colours{Enter}");
  };
  await show(
    "dep_5",
    "chat",
    "POST /v1/chat/completions",
    "Message",
    streamed("**Red** <img src=x ", hostile.slice(19)),
  );
  const turns = screen.getByRole("region", { name: "Conversation" });
  await waitFor(() => expect(within(turns).getByText("blue").closest("li")?.parentElement?.tagName).toBe("UL"));
  expect(within(turns).getByText("Red").tagName).toBe("STRONG");
  expect(turns.querySelector("img")).toBeNull();
  cleanup();
  const said = { choices: [{ text: hostile, finish_reason: "stop" }] };
  await show("dep_6", "completion", "POST /v1/completions", "Prompt", json(said));
  await waitFor(() => expect(screen.getByRole("region", { name: "Result" })).toHaveTextContent("Colours**Red** <img"));
});

test("a refusal of the gateway is explained, and can be tried again when its time has come", async () => {
  const user = userEvent.setup();
  const shown = deployment({ id: "dep_3", interface: "completion" });
  const busy = () =>
    new Response('{"error":{"message":"Too many requests wait for this deployment."}}', {
      status: 429,
      headers: { "Retry-After": "1" },
    });
  let refusals = 1;
  await renderPart(<TryTab deployment={shown} />, may, {
    "POST /api/v1/deployments/dep_3/try": trial({ interface: "completion", inputs: [] }),
    "POST /v1/completions": () => (refusals-- > 0 ? busy() : streamed()),
  });
  await user.type(await screen.findByRole("textbox", { name: "Prompt" }), "Once{Enter}");
  const alert = await screen.findByRole("alert");
  expect(alert).toHaveTextContent("Too many requests wait for this deployment.");
  expect(alert).toHaveTextContent("Wait a moment; more replicas, or a longer queue, would take more.");
  const again = await screen.findByRole("button", { name: "Try again" }, { timeout: 3000 });
  await user.click(again);
  await waitFor(() => expect(screen.queryByRole("alert")).not.toBeInTheDocument());
});

test("two texts are embedded, and how near they are is told", async () => {
  const user = userEvent.setup();
  const shown = deployment({ id: "dep_4", interface: "embedding" });
  const data = [
    { index: 0, embedding: [1, 0] },
    { index: 1, embedding: [1, 1] },
  ];
  await renderPart(<TryTab deployment={shown} />, may, {
    "POST /api/v1/deployments/dep_4/try": trial({ interface: "embedding", inputs: [] }),
    "POST /v1/embeddings": { data },
  });
  await user.type(await screen.findByRole("textbox", { name: "Text" }), "a cat");
  await user.type(screen.getByRole("textbox", { name: /Another text/ }), "a dog");
  await user.click(screen.getByRole("button", { name: "Embed" }));
  expect(await screen.findByText("0.7071")).toBeInTheDocument();
  const said = screen.getAllByRole("status").map((region) => region.textContent);
  expect(said).toContain("2 dimensions, cosine similarity 0.7071");
});
