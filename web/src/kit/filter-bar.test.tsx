import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { expect, test, vi } from "vitest";
import { FilterBar } from "@/kit/filter-bar";

function Bar({ onQuery = () => {} }: { onQuery?: (query: string) => void }) {
  const [query, setQuery] = useState("");
  const [selected, setSelected] = useState<string[]>([]);
  return (
    <>
      <button type="button" onClick={() => setQuery("from a link")}>
        Link
      </button>
      <FilterBar
        label="Filter models"
        query={query}
        onQuery={(next) => {
          onQuery(next);
          setQuery(next);
        }}
        result={`${selected.length} chosen for "${query}"`}
        facets={[
          {
            label: "State",
            options: [{ value: "a", label: "Approved", count: 1200 }],
            selected,
            onChange: setSelected,
          },
        ]}
        onClear={() => {
          setQuery("");
          setSelected([]);
        }}
      />
    </>
  );
}
const box = () => screen.getByRole("searchbox", { name: "Filter models" });

test("slash goes to the box, and Enter sends at once what was typed", async () => {
  const sent = vi.fn();
  render(<Bar onQuery={sent} />);
  await userEvent.keyboard("/");
  expect(box()).toHaveFocus();
  await userEvent.keyboard("resnet{Enter}");
  expect(sent.mock.calls).toEqual([["resnet"]]);
  expect(screen.getByRole("status")).toHaveTextContent('for "resnet"');
});

test("typing is sent once it settles", async () => {
  const sent = vi.fn();
  render(<Bar onQuery={sent} />);
  await userEvent.type(box(), "gpt");
  await vi.waitFor(() => expect(sent.mock.calls).toEqual([["gpt"]]));
});

test("what comes from outside is shown", async () => {
  render(<Bar />);
  await userEvent.click(screen.getByRole("button", { name: "Link" }));
  expect(box()).toHaveValue("from a link");
});

test("a facet by keyboard, and Clear all", async () => {
  render(<Bar />);
  expect(screen.queryByRole("button", { name: "Clear all" })).toBeNull();
  screen.getByRole("button", { name: "State" }).focus();
  await userEvent.keyboard("{Enter}");
  const item = await screen.findByRole("menuitemcheckbox", { name: /Approved 1,200/ });
  await vi.waitFor(() => expect(item).toHaveFocus());
  await userEvent.keyboard("{Enter}{Escape}");
  expect(screen.getByRole("status")).toHaveTextContent("1 chosen");
  await userEvent.click(screen.getByRole("button", { name: "Clear all" }));
  expect(screen.getByRole("status")).toHaveTextContent("0 chosen");
});
