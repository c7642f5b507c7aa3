import { QueryClientProvider } from "@tanstack/react-query";
import { act, render, renderHook, screen, waitFor } from "@testing-library/react";
import { beforeEach, expect, test, vi } from "vitest";
import { api, type Session } from "@/api/client";
import { queryClient } from "@/api/queries";
import { enter, requireSession, safeRedirect, sessionQuery, useSession, useSessionExpired } from "./session";

const session: Session = {
  actor_id: "usr_1",
  name: "Mara",
  organization_id: "org_1",
  organization: "northwind",
  role: "viewer",
  permissions: ["models:read"],
  team_ids: [],
  has_password: true,
  csrf_token: "t",
};

const answers = (status: number, json: unknown = {}) =>
  vi.stubGlobal("fetch", async () => new Response(JSON.stringify(json), { status }));

beforeEach(async () => {
  vi.stubGlobal(
    "EventSource",
    class {
      readyState = 0;
      close() {}
    },
  );
  await enter(session);
  queryClient.clear();
});

test.each([
  ["/modelops/registry?q=a#b", "/modelops/registry?q=a#b"],
  ["/modelops", "/modelops"],
  ["http://localhost/modelops/audit", "/modelops/audit"],
  ["https://evil.example/modelops", "/modelops"],
  ["//evil.example/modelops", "/modelops"],
  ["/\\evil.example/modelops", "/modelops"],
  ["/modelopsx", "/modelops"],
  ["/api/v1/session", "/modelops"],
  ["/modelops/../api/v1/session", "/modelops"],
  ["javascript:alert(1)", "/modelops"],
  ["/modelops/sign-in?redirect=x", "/modelops"],
  [undefined, "/modelops"],
])("after the sign-in %s leads to %s", (wanted, expected) => expect(safeRedirect(wanted)).toBe(expected));

test("without a session a page sends to the sign-in, and remembers where to", async () => {
  answers(401);
  await expect(requireSession("/modelops/registry?q=a")).rejects.toMatchObject({
    options: { to: "/modelops/sign-in", search: { redirect: "/modelops/registry?q=a" } },
  });
  await expect(requireSession("/modelops")).rejects.toMatchObject({ options: { search: {} } });
});

test("a server that is down is not taken for a missing session", async () => {
  vi.useFakeTimers();
  answers(503);
  const refused = expect(requireSession("/modelops")).rejects.toMatchObject({ status: 503 });
  await vi.runAllTimersAsync();
  await refused;
  vi.useRealTimers();
});

test("permissions are exact", async () => {
  await enter(session);
  const { result } = renderHook(useSession, {
    wrapper: ({ children }) => <QueryClientProvider client={queryClient}>{children}</QueryClientProvider>,
  });
  expect(result.current.may("models:read")).toBe(true);
  expect(result.current.may("models:write")).toBe(false);
});

test("a session that ends under an open page is noticed, and the same person goes on with what was read", async () => {
  await enter(session);
  queryClient.setQueryData(["get", "/api/v1/models"], { items: [] });
  const Expired = () => <p>{useSessionExpired() ? "expired" : "fine"}</p>;
  render(<Expired />);
  expect(screen.getByText("fine")).toBeInTheDocument();

  answers(401);
  await expect(api.GET("/api/v1/models")).rejects.toMatchObject({ status: 401 });
  await waitFor(() => screen.getByText("expired"));

  await act(() => enter({ ...session, csrf_token: "t2" }));
  expect(screen.getByText("fine")).toBeInTheDocument();
  expect(queryClient.getQueryState(["get", "/api/v1/models"])?.isInvalidated).toBe(true);
});

test("what was read for one person is not shown to another", async () => {
  await enter(session);
  queryClient.setQueryData(["get", "/api/v1/models"], { items: [] });
  await enter({ ...session, actor_id: "usr_2" });
  expect(queryClient.getQueryData(["get", "/api/v1/models"])).toBeUndefined();
  expect(queryClient.getQueryData(sessionQuery.queryKey)?.actor_id).toBe("usr_2");
});
