import { QueryClient } from "@tanstack/react-query";
import { beforeEach, expect, test, vi } from "vitest";
import type { Event } from "./events";
import { applyEvents, refetchShown } from "./refresh";

const event = (subject_kind: string, subject_id: string, what = "changed"): Event => ({
  id: "evt",
  kind: `${subject_kind}.${what}`,
  subject_kind,
  subject_id,
  data: {},
  created_at: "2026-01-01T00:00:00Z",
});

const list = ["get", "/api/v1/deployments", {}, "pages"];
const failed = ["get", "/api/v1/deployments", { query: { filter: "state = 'failed'" } }, "pages"];
const plain = ["get", "/api/v1/deployments", { params: { query: { page_size: 5 } } }];
const detail = ["get", "/api/v1/deployments/{deployment}", { params: { path: { deployment: "a" } } }];
const logs = ["get", "/api/v1/deployments/{deployment}/logs", {}];
const models = ["get", "/api/v1/models", {}, "pages"];

let client: QueryClient;
const asked = vi.fn();
const isStale = (key: unknown[]) => client.getQueryState(key)?.isInvalidated;

beforeEach(() => {
  client = new QueryClient();
  const rows = () => [
    { id: "a", state: "pending" },
    { id: "b", state: "pending" },
  ];
  for (const key of [list, failed, models]) client.setQueryData(key, { pages: [{ items: rows() }], pageParams: [""] });
  client.setQueryData(plain, { items: rows() });
  client.setQueryData(detail, { id: "a" });
  client.setQueryData(logs, { items: [] });
  asked.mockReset();
  vi.stubGlobal("fetch", async (request: Request) => {
    const id = request.url.split("/").at(-1);
    asked(id);
    return id === "b"
      ? new Response(JSON.stringify({ status: 404 }), { status: 404 })
      : new Response(JSON.stringify({ id, state: "healthy" }));
  });
});

test("a row that was deleted is not asked for, its lists are read again", async () => {
  await applyEvents(client, [event("deployment", "b"), event("deployment", "b", "deleted")]);
  expect(asked).not.toHaveBeenCalled();
  expect([list, plain].map(isStale)).toEqual([true, true]);
});

test("a row that is shown is read once and patched, whatever may differ otherwise is read again", async () => {
  await applyEvents(client, [event("deployment", "a"), event("deployment", "a")]);
  expect(asked.mock.calls).toEqual([["a"]]);
  expect(client.getQueryData(list)).toEqual({
    pages: [
      {
        items: [
          { id: "a", state: "healthy" },
          { id: "b", state: "pending" },
        ],
      },
    ],
    pageParams: [""],
  });
  expect(client.getQueryData(plain)).toMatchObject({ items: [{ state: "healthy" }, { state: "pending" }] });
  expect([list, plain, failed, detail, logs, models].map(isStale)).toEqual([false, false, true, true, false, false]);
});

test("a subject that no list shows makes the lists stale, also beside one that is patched", async () => {
  await applyEvents(client, [event("deployment", "a"), event("deployment", "new")]);
  expect(asked.mock.calls).toEqual([["a"]]);
  expect(isStale(list)).toBe(true);
});

test("a subject that is gone makes the lists stale", async () => {
  await applyEvents(client, [event("deployment", "b")]);
  expect(isStale(list)).toBe(true);
});

test("events of versions, uploads and approvals concern the models", async () => {
  await applyEvents(client, [event("model_version", "v")]);
  expect(isStale(models)).toBe(true);
  expect(isStale(list)).toBe(false);
});

test("an unknown subject changes nothing", async () => {
  await applyEvents(client, [event("moon", "x")]);
  expect([list, models].map(isStale)).toEqual([false, false]);
});

test("after a gap everything that came from the API is stale", async () => {
  await refetchShown(client);
  expect([list, failed, plain, detail, logs, models].map(isStale)).toEqual([true, true, true, true, true, true]);
});
