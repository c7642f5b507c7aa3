import { act, render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { beforeEach, expect, test } from "vitest";
import { LogBuffer } from "@/kit/log-buffer";
import { LogViewer } from "@/kit/log-viewer";

let buffer: LogBuffer;
beforeEach(() => {
  buffer = new LogBuffer();
  buffer.append(
    Array.from({ length: 1000 }, (_, i) => ({
      time: Date.UTC(2026, 10, 25) + i * 1000,
      text: `${i % 100 === 0 ? "ERROR out of memory" : "served"} ${i}`,
      source: `rep_${i % 2}`,
    })),
  );
});
const show = () =>
  render(<LogViewer label="Deployment log" sourceName="Replica" buffer={buffer} live empty={<p>No line yet</p>} />);
const find = () => screen.getByRole("searchbox", { name: "Find in the log" });

test("a long log costs a screen of it", () => {
  show();
  expect(screen.getByRole("log", { name: "Deployment log" }).querySelectorAll("[data-index]").length).toBeLessThan(120);
  expect(screen.getByRole("button", { name: "error 10" })).toHaveAttribute("aria-pressed", "true");
});

test("search goes from match to match by n and N, and ends following", async () => {
  show();
  await userEvent.keyboard("/");
  expect(find()).toHaveFocus();
  await userEvent.type(find(), "MEMORY");
  expect(await screen.findByText("1 of 10")).toBeVisible();
  await userEvent.keyboard("{Enter}");
  expect(screen.getByText("2 of 10")).toBeVisible();
  screen.getByRole("log").focus();
  await userEvent.keyboard("nN");
  await userEvent.keyboard("N");
  expect(screen.getByText("1 of 10")).toBeVisible();
  await userEvent.keyboard("N");
  expect(screen.getByText("10 of 10")).toBeVisible();
  expect(screen.getByRole("button", { name: "Follow" })).toHaveAttribute("aria-pressed", "false");
});

test("levels and replicas narrow what is shown", async () => {
  show();
  await userEvent.click(screen.getByRole("button", { name: "info 990" }));
  expect(screen.getByRole("button", { name: "Copy 10 lines" })).toBeVisible();
  await userEvent.click(screen.getByRole("combobox", { name: "Replica" }));
  await userEvent.click(await screen.findByRole("option", { name: "rep_1" }));
  expect(screen.getByText(/No line has these levels/)).toBeVisible();
});

test("a pause holds the view still while lines come", async () => {
  show();
  await userEvent.click(screen.getByRole("button", { name: "Pause" }));
  act(() => buffer.append([{ time: Date.now(), text: "the newest" }]));
  expect(screen.queryByText("the newest")).toBeNull();
  expect(screen.getByRole("button", { name: /New lines wait/ })).toBeVisible();
  await userEvent.click(screen.getByRole("button", { name: "Resume" }));
  await waitFor(() => expect(screen.getByRole("button", { name: "Copy 1,001 lines" })).toBeVisible());
});

test("the scrubber goes through time by keys, and to the next error", async () => {
  show();
  const slider = screen.getByRole("slider", { name: "Time in the log" });
  expect(slider).toHaveAttribute("aria-valuetext", expect.stringMatching(/\d\d:\d\d:\d\d, \d+ errors?, 0 warnings/));
  slider.focus();
  await userEvent.keyboard("{Home}");
  expect(screen.getByRole("button", { name: "Follow" })).toHaveAttribute("aria-pressed", "false");
});

test("before the first line it says what would be here", () => {
  buffer.clear();
  show();
  expect(screen.getByText("No line yet")).toBeVisible();
  act(() => buffer.append([{ time: Date.now(), text: "hello" }]));
  expect(screen.queryByText("No line yet")).toBeNull();
});

test("what is copied is what is shown", async () => {
  const user = userEvent.setup();
  show();
  await user.click(screen.getByRole("button", { name: "info 990" }));
  await user.click(screen.getByRole("button", { name: "Copy 10 lines" }));
  const copied = await navigator.clipboard.readText();
  expect(copied.split("\n")).toHaveLength(10);
  expect(copied).toMatch(/^2026-11-25T00:00:00.000Z error rep_0 ERROR out of memory 0\n/);
});
