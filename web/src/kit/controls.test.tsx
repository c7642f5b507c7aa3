import { act, render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { afterEach, expect, test, vi } from "vitest";
import { Button } from "@/kit/button";
import { CopyText } from "@/kit/copy-text";
import { Dialog } from "@/kit/dialog";
import { IconButton, tooltips } from "@/kit/icon-button";
import { Menu } from "@/kit/menu";
import { Progress } from "@/kit/progress";
import { TabPanel, Tabs } from "@/kit/tabs";
import { Time } from "@/kit/time";

afterEach(() => void vi.useRealTimers());

test("a busy button keeps its focus and does nothing", async () => {
  const press = vi.fn();
  const { rerender } = render(<Button onClick={press}>Deploy</Button>);
  await userEvent.tab();
  rerender(
    <Button onClick={press} busy>
      Deploy
    </Button>,
  );
  const button = screen.getByRole("button", { name: "Deploy" });
  expect(button).toHaveFocus();
  await userEvent.keyboard("{Enter}");
  expect(press).not.toHaveBeenCalled();
});

test("a picture button has its label as name and as tooltip", async () => {
  await tooltips;
  render(<IconButton label="Roll back">x</IconButton>);
  await userEvent.tab();
  expect(screen.getByRole("button", { name: "Roll back" })).toHaveFocus();
  expect(await screen.findByText("Roll back")).toBeVisible();
});

test("text is copied whole, though less of it is shown", async () => {
  const user = userEvent.setup();
  render(<CopyText text="sha256:0123456789">sha256:0123</CopyText>);
  await user.click(screen.getByRole("button", { name: "Copy sha256:0123" }));
  expect(await navigator.clipboard.readText()).toBe("sha256:0123456789");
  expect(screen.getByRole("status")).toHaveTextContent("Copied");
});

test("tabs by arrows, the open one from outside", async () => {
  function Sections() {
    const [tab, setTab] = useState<"overview" | "logs">("overview");
    return (
      <Tabs
        label="Sections"
        value={tab}
        onChange={setTab}
        tabs={[
          { value: "overview", label: "Overview" },
          { value: "logs", label: "Logs", count: 3 },
        ]}
      >
        <TabPanel value={tab}>Panel {tab}</TabPanel>
      </Tabs>
    );
  }
  render(<Sections />);
  await userEvent.tab();
  await userEvent.keyboard("{ArrowRight}{Enter}");
  expect(screen.getByRole("tab", { name: "Logs 3" })).toHaveAttribute("aria-selected", "true");
  expect(screen.getByRole("tabpanel", { name: "Logs 3" })).toHaveTextContent("Panel logs");
});

test("a menu does what it says, and says what it cannot do", async () => {
  const rollBack = vi.fn();
  const remove = vi.fn();
  render(
    <Menu
      trigger={<Button>More</Button>}
      items={[
        { label: "Roll back", onSelect: rollBack, blocked: "One revision only" },
        { label: "Delete", onSelect: remove, danger: true },
      ]}
    />,
  );
  await userEvent.click(screen.getByRole("button", { name: "More" }));
  const blocked = await screen.findByRole("menuitem", { name: /Roll back/ });
  expect(blocked).toHaveTextContent("One revision only");
  await userEvent.click(blocked);
  await userEvent.click(screen.getByRole("menuitem", { name: "Delete" }));
  expect([rollBack.mock.calls.length, remove.mock.calls.length]).toEqual([0, 1]);
});

test("a dialog has a name, holds the focus and closes by Escape", async () => {
  const close = vi.fn();
  render(
    <Dialog open onClose={close} title="Scale" description="How many run">
      <input aria-label="Replicas" />
    </Dialog>,
  );
  const dialog = screen.getByRole("dialog", { name: "Scale" });
  expect(dialog).toHaveAccessibleDescription("How many run");
  await vi.waitFor(() => expect(screen.getByLabelText("Replicas")).toHaveFocus());
  await userEvent.keyboard("{Escape}");
  expect(close).toHaveBeenCalledOnce();
});

test("progress that nobody knows has no value", () => {
  render(<Progress label="Analysis" value={null} detail="Reading the weights" />);
  const bar = screen.getByRole("progressbar", { name: "Analysis" });
  expect(bar).not.toHaveAttribute("aria-valuenow");
});

test("a relative time moves on by itself", () => {
  vi.useFakeTimers({ now: Date.UTC(2026, 10, 25, 12) });
  render(<Time value="2026-11-25T11:59:30Z" />);
  const time = screen.getByText("30s ago");
  expect(time).toHaveAttribute("datetime", "2026-11-25T11:59:30.000Z");
  expect(time.title).toMatch(/Nov 25, 2026/);
  act(() => void vi.advanceTimersByTime(40_000));
  expect(time).toHaveTextContent("1m ago");
});
