import { screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { refusal, renderApp, session } from "@/vitest.app";
import { deployment } from "./vitest.part";

const path = "/api/v1/monitoring/deployments/dep_1/requests";
const request = (change: object = {}) => ({
  request_id: "req-1",
  trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
  started_at: new Date().toISOString(),
  duration_ms: 412.5,
  status: 200,
  failed: false,
  name: "chat gemma",
  method: "POST",
  path: "/v1/chat/completions",
  replica_id: "rep_1",
  streamed: true,
  first_token_ms: 61,
  tokens_out: 84,
  attempts: 1,
  ...change,
});
const span = (change: object) => ({
  span_id: "a",
  parent_span_id: "",
  name: "chat gemma",
  kind: "server",
  start_ms: 0,
  duration_ms: 412.5,
  failed: false,
  message: "",
  attributes: { "gen_ai.request.model": "gemma" },
  ...change,
});
const answers = (more: object = {}) => ({
  "GET /api/v1/session": { ...session, permissions: [...session.permissions, "monitoring:read", "inference:call"] },
  "GET /api/v1/deployments/my-digits": deployment(),
  [`GET ${path}`]: { items: [request(), request({ request_id: "req-2", failed: true, status: 503 })] },
  ...more,
});

test("requests are listed, narrowed by the server, and one shows where its time went", async () => {
  const { requests } = await renderApp(
    "/modelops/deployments/my-digits?tab=requests",
    answers({
      [`GET ${path}/req-1`]: {
        deployment_id: "dep_1",
        key_id: "key_1",
        request: request(),
        trace_url: "https://jaeger.example.org/trace/4bf9",
        spans: [
          span({}),
          span({
            span_id: "b",
            parent_span_id: "a",
            name: "replica",
            kind: "client",
            start_ms: 10,
            attributes: {},
          }),
        ],
      },
    }),
  );
  const grid = await screen.findByRole("grid", { name: "Requests" });
  expect(await within(grid).findByText("Failed, 503")).toBeVisible();
  await userEvent.type(screen.getByRole("searchbox", { name: "Find a request" }), "req-1{Enter}");
  await expect
    .poll(() => requests(`GET ${path}`).map(({ url }) => new URL(url).searchParams.get("filter")))
    .toContain("(request_id = 'req-1') OR (trace_id = 'req-1')");
  await userEvent.click((await within(grid).findAllByText("chat gemma"))[0]!);

  const parts = await screen.findByRole("region", { name: "Where the time went" });
  const [whole, replica] = within(parts).getAllByRole("button");
  expect(whole).toHaveAttribute("aria-pressed", "true");
  expect(screen.getByText("gen_ai.request.model")).toBeVisible();
  await userEvent.click(replica!);
  expect(replica).toHaveAttribute("aria-pressed", "true");
  expect(screen.getByRole("link", { name: "Open the whole trace" })).toHaveAttribute(
    "href",
    "https://jaeger.example.org/trace/4bf9",
  );
  await userEvent.click(screen.getByRole("link", { name: "All requests" }));
  expect(await screen.findByRole("grid", { name: "Requests" })).toBeVisible();
});

test("a request that is not told yet is waited for", async () => {
  let asked = 0;
  await renderApp(
    "/modelops/deployments/my-digits?tab=requests&request=req-9",
    answers({
      [`GET ${path}/req-9`]: () =>
        ++asked === 1
          ? refusal(404, "The request req-9 of this deployment is not kept.")
          : { deployment_id: "dep_1", key_id: "key_1", request: request({ request_id: "req-9" }), spans: [span({})] },
    }),
  );
  expect(await screen.findByRole("region", { name: "Where the time went" })).toBeVisible();
  expect(asked).toBe(2);
});

test("who may not see them is told what is missing", async () => {
  await renderApp("/modelops/deployments/my-digits?tab=requests", { ...answers(), "GET /api/v1/session": session });
  expect(await screen.findByText(/monitoring:read/)).toBeVisible();
});
