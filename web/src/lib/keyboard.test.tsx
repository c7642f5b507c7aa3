import { fireEvent, render, screen } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { shownKeys, useShortcuts } from "@/lib/keyboard";

function Bound({ shortcuts, enabled }: { shortcuts: Record<string, () => void>; enabled?: boolean }) {
  useShortcuts(shortcuts, enabled);
  return <input aria-label="Box" />;
}
const press = (key: string, more: object = {}) => fireEvent.keyDown(document.body, { key, ...more });

test("a key and a chord", () => {
  const slash = vi.fn();
  const chord = vi.fn();
  const single = vi.fn();
  render(<Bound shortcuts={{ "/": slash, "g d": chord, d: single }} />);
  press("/");
  press("g");
  press("d");
  expect(slash).toHaveBeenCalledOnce();
  expect(chord).toHaveBeenCalledOnce();
  expect(single).not.toHaveBeenCalled();
  press("d");
  expect(single).toHaveBeenCalledOnce();
});

test("a chord that is broken off is forgotten", () => {
  const chord = vi.fn();
  render(<Bound shortcuts={{ "g d": chord }} />);
  press("g");
  press("x");
  press("d");
  expect(chord).not.toHaveBeenCalled();
});

test("what is typed into a field is no shortcut, but mod+k is", () => {
  const slash = vi.fn();
  const palette = vi.fn();
  render(<Bound shortcuts={{ "/": slash, "mod+k": palette }} />);
  fireEvent.keyDown(screen.getByLabelText("Box"), { key: "/" });
  fireEvent.keyDown(screen.getByLabelText("Box"), { key: "k", ctrlKey: true });
  expect(slash).not.toHaveBeenCalled();
  expect(palette).toHaveBeenCalledOnce();
});

test("the last binding of the same keys is in force until it goes", () => {
  const page = vi.fn();
  const panel = vi.fn();
  render(<Bound shortcuts={{ n: page }} />);
  const over = render(<Bound shortcuts={{ n: panel }} />);
  press("n");
  over.unmount();
  press("n");
  expect([panel.mock.calls.length, page.mock.calls.length]).toEqual([1, 1]);
});

test("keys as they are shown", () => {
  expect(shownKeys("mod+k")).toEqual(["Ctrl", "K"]);
  expect(shownKeys("g d")).toEqual(["G", "D"]);
  expect(shownKeys("/")).toEqual(["/"]);
  expect(shownKeys("+")).toEqual(["+"]);
});
