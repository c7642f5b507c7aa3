import { act, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import { api } from "@/api/client";
import { refusal, renderApp, session } from "@/vitest.app";

const operation = {
  id: "opr_1",
  kind: "model.analyze",
  subject_kind: "upload",
  subject_id: "upl_1",
  actor_id: session.actor_id,
  state: "running",
  step: "reads the tensors",
  progress: 0.5,
  created_at: new Date().toISOString(),
  cancel_requested: false,
  row_version: 1,
};

test("a page stands in the shell: name of the window, place in the sidebar and in the breadcrumb", async () => {
  await renderApp("/modelops");
  expect(await screen.findByRole("heading", { level: 1, name: "Home" })).toBeInTheDocument();
  expect(document.title).toBe("Home · ModelOps");
  const sidebar = screen.getByRole("navigation", { name: "ModelOps" });
  expect(within(sidebar).getByRole("link", { name: "Home" })).toHaveAttribute("aria-current", "page");
  expect(within(screen.getByRole("navigation", { name: "Breadcrumb" })).getByText("Home")).toHaveAttribute(
    "aria-current",
    "page",
  );
  expect(screen.getByRole("link", { name: "Skip to content" })).toHaveAttribute("href", "#main");
  expect(screen.getByRole("status", { name: "Freshness of this page" })).toHaveTextContent("Connecting");
});

test("an address without a page says so, and a chord leads home, where the heading takes the focus", async () => {
  await renderApp("/modelops/nowhere");
  expect(await screen.findByRole("heading", { level: 1, name: "There is no such page" })).toBeInTheDocument();
  await userEvent.keyboard("gh");
  const heading = await screen.findByRole("heading", { level: 1, name: "Home" });
  await waitFor(() => expect(heading).toHaveFocus());
  expect(screen.getByRole("status", { name: "Page" })).toHaveTextContent("Home");
  expect(document.title).toBe("Home · ModelOps");
});

test("the sheet lists the shortcuts, also those of the pages", async () => {
  await renderApp("/modelops");
  await userEvent.keyboard("?");
  const sheet = await screen.findByRole("dialog", { name: "Keyboard shortcuts" });
  for (const label of ["Search or jump to", "Home", "Filter"]) expect(within(sheet).getByText(label)).toBeVisible();
});

test("the palette narrows its entries and runs the one that is chosen by Enter", async () => {
  document.documentElement.dataset.theme = "light";
  await renderApp("/modelops");
  await userEvent.keyboard("{Control>}k{/Control}");
  const palette = await screen.findByRole("dialog", { name: "Command palette" });
  expect(within(palette).getAllByRole("option").length).toBeGreaterThan(1);
  await userEvent.type(within(palette).getByRole("combobox"), "theme");
  await waitFor(() => expect(within(palette).getAllByRole("option")).toHaveLength(1));
  await userEvent.keyboard("{Enter}");
  expect(document.documentElement.dataset.theme).toBe("dark");
  await waitFor(() => expect(palette).not.toBeInTheDocument());
});

test("my jobs: what runs is counted, shows its step, and can be cancelled", async () => {
  const { requests } = await renderApp("/modelops", {
    "GET /api/v1/operations": { items: [operation] },
    "POST /api/v1/operations/opr_1/cancel": { ...operation, cancel_requested: true },
  });
  await userEvent.click(await screen.findByRole("button", { name: "Your jobs: 1 running" }));
  const tray = await screen.findByRole("dialog", { name: "Your jobs" });
  expect(within(tray).getByText("reads the tensors")).toBeInTheDocument();
  expect(within(tray).getByRole("progressbar")).toHaveAttribute("aria-valuenow", "50");
  await userEvent.click(within(tray).getByRole("button", { name: /^Cancel/ }));
  await waitFor(() => expect(requests("POST /api/v1/operations/opr_1/cancel")).toHaveLength(1));
  const mine = requests("GET /api/v1/operations").map((request) => new URL(request.url).searchParams.get("filter"));
  expect(mine).toContain("actor_id = 'usr_1'");
});

test("a session that ends asks to sign in above the page, and keeps the page", async () => {
  let signed_in = true;
  await renderApp("/modelops", {
    "GET /api/v1/roles": () => (signed_in ? { items: [] } : refusal(401, "Sign in.")),
    "POST /api/v1/session": () => {
      signed_in = true;
      return session;
    },
  });
  const heading = await screen.findByRole("heading", { level: 1, name: "Home" });
  signed_in = false;
  await act(async () => void (await api.GET("/api/v1/roles").catch(() => {})));
  const dialog = await screen.findByRole("dialog", { name: "Sign in again" });
  expect(heading).toBeInTheDocument();
  await userEvent.type(within(dialog).getByLabelText("E-mail address"), "mara@example.org");
  await userEvent.type(within(dialog).getByLabelText("Password"), "correct horse battery");
  await userEvent.click(within(dialog).getByRole("button", { name: "Sign in" }));
  await waitFor(() => expect(dialog).not.toBeInTheDocument());
  expect(heading).toBeInTheDocument();
});

test("a sign-out that fails says that one is still signed in", async () => {
  await renderApp("/modelops", { "DELETE /api/v1/session": refusal(503, "The database is away. Try again soon.") });
  await userEvent.click(await screen.findByRole("button", { name: "Account of Mara Okafor" }));
  await userEvent.click(await screen.findByRole("menuitem", { name: "Sign out" }));
  // Shown, and said by a live region.
  expect(await screen.findAllByText("You are still signed in")).not.toHaveLength(0);
  expect(screen.getAllByText("The database is away. Try again soon.")).not.toHaveLength(0);
});

test("a server that is down when the page is opened says so, and can be tried again", async () => {
  vi.spyOn(console, "error").mockImplementation(() => {}); // React reports what the error page shows
  vi.spyOn(console, "warn").mockImplementation(() => {});
  let up = false;
  await renderApp("/modelops", {
    "GET /api/v1/session": () => (up ? session : refusal(400, "The server is starting.")),
  });
  expect(await screen.findByText("The server is starting.")).toBeInTheDocument();
  up = true;
  await userEvent.click(screen.getByRole("button", { name: "Retry" }));
  expect(await screen.findByRole("heading", { level: 1, name: "Home" })).toBeInTheDocument();
});
