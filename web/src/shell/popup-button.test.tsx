import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { type Early, PopupButton } from "./popup-button";

type Part = { default: (props: { early: Early }) => React.ReactNode };

function Trigger({ early }: { early: Early }) {
  return (
    <>
      {/* biome-ignore lint/a11y/noAutofocus: it had the focus before */}
      <button type="button" autoFocus={early.focused}>
        Jobs: 2
      </button>
      {early.pressed && <p>The jobs</p>}
    </>
  );
}

function show(load: () => Promise<Part>) {
  render(
    <PopupButton load={load} props={{}} className="">
      Jobs
    </PopupButton>,
  );
}

test("what was pressed before it had come opens when it is there, and keeps the focus", async () => {
  let arrive: (part: Part) => void = () => undefined;
  show(() => new Promise<Part>((resolve) => (arrive = resolve)));
  await userEvent.tab();
  await userEvent.keyboard("{Enter}");
  expect(screen.getByRole("button", { name: "Jobs" })).toHaveFocus();
  arrive({ default: Trigger });
  expect(await screen.findByText("The jobs")).toBeVisible();
  expect(screen.getByRole("button", { name: "Jobs: 2" })).toHaveFocus();
});

test("one that did not come is fetched again by pressing it", async () => {
  let tries = 0;
  show(async () => {
    if (++tries === 1) throw new Error("unreachable");
    return { default: Trigger };
  });
  await expect.poll(() => tries).toBe(1);
  await userEvent.click(screen.getByRole("button", { name: "Jobs" }));
  expect(await screen.findByText("The jobs")).toBeVisible();
});
