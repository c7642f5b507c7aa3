import { screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { refusal, renderApp, session } from "@/vitest.app";
import { mayDecide } from "./attention";
import { counted } from "./queries";

const deployment = (name: string, state: string, extra = {}) => ({
  id: `dep_${name}`,
  name,
  state,
  environment: "production",
  model: "digits",
  version_number: 3,
  replicas_desired: 2,
  replicas_ready: 1,
  updated_at: "2026-01-01T00:00:00Z",
  ...extra,
});
const approval = (id: string, author_id: string) => ({
  id,
  subject_name: `digits:v${id}`,
  state: "pending",
  author_id,
  requested_by: author_id,
  comment: "",
  created_at: "2026-01-02T00:00:00Z",
});
const filterOf = (request: Request) => new URL(request.url).searchParams.get("filter") ?? "";

test("what needs a person stands first: state, cause and since when, the newest first", async () => {
  await renderApp("/modelops", {
    "GET /api/v1/deployments": (request: Request) => ({
      items: [
        deployment("chat", "degraded", { reason: { code: "target_offline", message: "The target is offline." } }),
        ...(filterOf(request) ? [] : [deployment("digits", "healthy")]),
      ],
    }),
    "GET /api/v1/approvals": { items: [approval("7", "usr_2"), approval("8", session.actor_id)] },
    "GET /api/v1/models": { items: [{ id: "mdl_1" }], next_page_token: "more" },
    "GET /api/v1/targets": (request: Request) => ({
      items: filterOf(request) ? [{ id: "tgt_1", name: "rack-1", state: "offline" }] : [{ id: "tgt_1" }],
    }),
  });
  const card = await screen.findByRole("region", { name: "Needs attention" });
  const rows = (await within(card).findAllByRole("listitem")).map((row) => row.textContent);
  expect(rows).toHaveLength(3);
  expect(rows[0]).toMatch(/Pending approval.*digits:v7/);
  expect(rows[1]).toMatch(/Degraded.*chat.*The target is offline\./);
  expect(rows[2]).toMatch(/Offline.*rack-1.*Its agent has never answered/);
  expect(screen.getByText("2 deployments, 1+ models, 1 target")).toBeInTheDocument();
  const table = within(screen.getByRole("region", { name: "Deployments" })).getByRole("table");
  expect(within(table).getByRole("row", { name: /digits Healthy 1 of 2 digits:v3 production/ })).toBeInTheDocument();
});

test("an installation without models shows the way to the first answer", async () => {
  await renderApp("/modelops");
  expect(await screen.findByRole("heading", { name: "From a file to an answer" })).toBeInTheDocument();
  expect(screen.queryByRole("region", { name: "Needs attention" })).not.toBeInTheDocument();
});

test("a part that fails says why where it stands, the others are shown", async () => {
  await renderApp("/modelops", {
    "GET /api/v1/models": { items: [{ id: "mdl_1" }] },
    "GET /api/v1/operations": refusal(403, "This needs the permission operations:read. Ask an administrator."),
    "GET /api/v1/roles": {
      items: [
        { name: "viewer", permissions: ["*:read"] },
        { name: "approver", permissions: ["approvals:decide"] },
      ],
    },
  });
  const card = await screen.findByRole("region", { name: "Running now" });
  expect(await within(card).findByText("operations:read")).toBeInTheDocument();
  expect(await within(card).findByText(/Ask an administrator for viewer/)).toBeInTheDocument();
  expect(await screen.findByText(/Nothing needs you/)).toBeInTheDocument();
});

test("nobody is asked to decide on what they made or asked for", () => {
  const pending = { state: "pending", author_id: "usr_1", requested_by: "usr_2" } as Parameters<typeof mayDecide>[0];
  expect(mayDecide(pending, "usr_1", false)).toBe(false);
  expect(mayDecide(pending, "usr_2", false)).toBe(false);
  expect(mayDecide(pending, "usr_3", false)).toBe(true);
  expect(mayDecide({ ...pending, state: "approved" }, "usr_3", false)).toBe(false);
  // Where the organization lets an author decide while nobody else could, they are shown what waits.
  expect(mayDecide(pending, "usr_1", true)).toBe(true);
});

test("more than is counted is said to be more", () => {
  expect(counted(undefined, "model")).toBeUndefined();
  expect(counted({ items: [] }, "model")).toBe("0 models");
  expect(counted({ items: [1] }, "model")).toBe("1 model");
  expect(counted({ items: [1, 2], next_page_token: "x" }, "model")).toBe("2+ models");
});
