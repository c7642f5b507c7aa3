import { render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { expect, test } from "vitest";
import type { Column } from "@/kit/data-table";
import { refusal, renderApp, session } from "@/vitest.app";
import { ListPage } from "./list-page";

type Row = { id: string; name: string };
const everything = { q: "", kind: [] as string[] };

test("rows that did not change are not drawn again when the search does", async () => {
  let drawn = 0;
  const columns: Column<Row>[] = [{ id: "name", header: "Name", cell: (row) => `${row.name}${drawn++ ? "" : ""}` }];
  const data = [
    { id: "1", name: "one" },
    { id: "2", name: "two" },
  ];
  function Things() {
    const [search, setSearch] = useState(everything);
    return (
      <ListPage
        title="Things"
        description=""
        what="thing"
        placeholder="Filter by name"
        list={{ data, error: null, refetch: () => {} }}
        columns={columns}
        search={search}
        everything={everything}
        onSearch={(change) => setSearch({ ...search, ...change })}
        facets={[{ name: "kind", label: "Kind", options: [{ value: "a", label: "A" }] }]}
        empty="Nothing"
      />
    );
  }
  render(<Things />);
  expect(screen.getByRole("grid", { name: "Things" })).toBeVisible();
  expect(screen.getByText("2 things")).toBeVisible();
  const before = drawn;
  await userEvent.type(screen.getByRole("searchbox", { name: "Filter things" }), "t{Enter}");
  await userEvent.click(screen.getByRole("button", { name: "Kind" }));
  await userEvent.click(await screen.findByRole("menuitemcheckbox", { name: "A" }));
  expect(drawn).toBe(before);
});

test("nothing yet, nothing that matches, and how to see all again", async () => {
  const { router, requests } = await renderApp("/modelops/targets", { "GET /api/v1/gateways": { items: [] } });
  expect(await screen.findByText("There is no target yet")).toBeInTheDocument();
  await userEvent.type(screen.getByRole("searchbox", { name: "Filter targets" }), "gpu{Enter}");
  expect(await screen.findByText("No target matches these filters")).toBeInTheDocument();
  expect(router.state.location.search).toMatchObject({ q: "gpu" });
  expect(new URL(requests("GET /api/v1/targets").at(-1)!.url).searchParams.get("filter")).toBe("name LIKE '%gpu%'");
  await userEvent.click(screen.getAllByRole("button", { name: "Clear all" })[0]!);
  expect(await screen.findByText("There is no target yet")).toBeInTheDocument();
});

test("a list that cannot be read says why, and what stands above it does so by itself", async () => {
  let broken = true;
  await renderApp("/modelops/targets", {
    "GET /api/v1/targets": () => (broken ? refusal(400, "The filter is wrong.") : { items: [] }),
    "GET /api/v1/gateways": refusal(400, "No gateways today."),
  });
  expect(await screen.findByText("The targets could not be loaded")).toBeInTheDocument();
  expect(screen.getByText("The filter is wrong.")).toBeInTheDocument();
  expect(await screen.findByText("No gateways today.")).toBeInTheDocument();
  broken = false;
  await userEvent.click(screen.getAllByRole("button", { name: "Retry" }).at(-1)!);
  expect(await screen.findByText("There is no target yet")).toBeInTheDocument();
});

test("what cannot be opened or done says so", async () => {
  await renderApp("/modelops/settings/members", {
    "GET /api/v1/session": { ...session, permissions: [...session.permissions, "members:read", "members:write"] },
    "GET /api/v1/members": {
      items: [
        {
          id: "usr_2",
          email: "ada@example.org",
          display_name: "Ada",
          role: "viewer",
          created_at: "2026-01-01T00:00:00Z",
        },
      ],
    },
    "GET /api/v1/roles": { items: [] },
    "GET /api/v1/members/usr_2": refusal(400, "The member cannot be read."),
  });
  await userEvent.click(await screen.findByRole("button", { name: "Actions for ada@example.org" }));
  await userEvent.click(await screen.findByRole("menuitem", { name: "Name and role" }));
  expect(await screen.findByRole("dialog", { name: "The member could not be read" })).toBeInTheDocument();
  await userEvent.keyboard("{Escape}");
  await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
});
