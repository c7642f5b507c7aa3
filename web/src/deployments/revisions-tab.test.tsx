import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { ConfigurationTab } from "./configuration-tab";
import { RevisionsTab } from "./revisions-tab";
import { deployment, renderPart, revisionDocument } from "./vitest.part";

const revision = (number: number, flags: Record<string, number>, current = false) => ({
  number,
  current,
  digest: String(number).repeat(64),
  document: revisionDocument({ flags }),
  created_by: "usr_1",
  created_at: "2026-01-01T00:00:00Z",
});
const list = "GET /api/v1/deployments/dep_1/revisions";
const items = [revision(3, { threads: 4 }), revision(2, { threads: 2 }, true), revision(1, {})];
const changes = [{ pointer: "/flags/threads", before: 2 }];

test("revisions are listed, and the current one is compared with the one before it", async () => {
  await renderPart(<RevisionsTab deployment={deployment()} />, ["deployments:read"], { [list]: { items } });
  const rows = await screen.findAllByRole("listitem", { name: /^Revision/ });
  expect(rows.map((row) => row.getAttribute("aria-label"))).toEqual(["Revision 3", "Revision 2", "Revision 1"]);
  expect(within(rows[1]!).getByText("Current")).toBeInTheDocument();
  const diff = screen.getByRole("region", { name: "Revision 1 to 2" });
  expect(within(diff).getByText("threads: 2", { exact: false })).toBeInTheDocument();
  expect(screen.queryByRole("button", { name: /Roll back/ })).not.toBeInTheDocument();
});

test("any two are compared", async () => {
  const user = userEvent.setup();
  await renderPart(<RevisionsTab deployment={deployment()} />, ["deployments:read"], { [list]: { items } });
  await user.click(await screen.findByRole("button", { name: "Compare revision 3 with the current one" }));
  const diff = screen.getByRole("region", { name: "Revision 3 to 2" });
  expect(within(diff).getByText("1 line added, 1 removed")).toBeInTheDocument();
});

test("a roll back shows what changes against the current revision, and is done once confirmed", async () => {
  const user = userEvent.setup();
  const { asked } = await renderPart(
    <RevisionsTab deployment={deployment()} />,
    ["deployments:read", "deployments:write"],
    {
      [list]: { items },
      "GET /api/v1/deployments/dep_1/revisions/1/diff": { revision: 1, against: 2, changes },
      "POST /api/v1/deployments/dep_1/rollback": deployment({ revision: 1 }),
    },
  );
  await user.click(await screen.findByRole("button", { name: "Roll back to revision 1" }));
  const dialog = await screen.findByRole("alertdialog");
  expect(await within(dialog).findByText("flags.threads")).toBeInTheDocument();
  expect(within(dialog).getByText("2")).toBeInTheDocument();
  await user.click(within(dialog).getByRole("button", { name: "Roll back" }));
  await waitFor(() => expect(screen.queryByRole("alertdialog")).not.toBeInTheDocument());
  const post = asked.find((request) => request.method === "POST");
  expect(new URL(post!.url).pathname).toBe("/api/v1/deployments/dep_1/rollback");
  expect(await post!.json()).toEqual({ revision: 1 });
});

test("the configuration shows the engine's command line, its probes and limits", async () => {
  await renderPart(<ConfigurationTab deployment={deployment()} />, ["deployments:read"], {
    "GET /api/v1/deployments/dep_1/revisions/2": revision(2, {}, true),
  });
  expect(await screen.findByText("{modelops} runtime")).toBeInTheDocument();
  expect(
    within(screen.getByRole("region", { name: "Limits" })).getByText("64 requests per replica"),
  ).toBeInTheDocument();
  expect(screen.getByRole("region", { name: "Configuration" })).toBeInTheDocument();
});
