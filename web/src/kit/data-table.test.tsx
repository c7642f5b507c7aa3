import { render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { expect, test, vi } from "vitest";
import { type Column, DataTable } from "@/kit/data-table";
import { ErrorState } from "@/kit/states";

type Row = { id: string; name: string; size: number };
const make = (n: number): Row[] => Array.from({ length: n }, (_, i) => ({ id: `r${i}`, name: `row ${i}`, size: i }));
const columns: Column<Row>[] = [
  { id: "name", header: "Name", sort: "name", cell: (row) => row.name },
  { id: "size", header: "Size", sort: "size", descendingFirst: true, cell: (row) => row.size },
  { id: "extra", header: "Extra", optional: true, cell: () => "more" },
];
const shared = { label: "Things", columns, rowId: (row: Row) => row.id, empty: <p>Nothing yet</p> };
const bodyRows = () => screen.getAllByRole("row").slice(1);

test("a hundred thousand rows cost no more than a screen of them", () => {
  render(<DataTable {...shared} rows={make(100_000)} />);
  expect(screen.getByRole("grid", { name: "Things" })).toHaveAttribute("aria-rowcount", "100001");
  expect(bodyRows().length).toBeLessThan(60);
  expect(bodyRows()[0]).toHaveAttribute("aria-rowindex", "2");
});

test("keys move one focus through the rows, and Enter opens", async () => {
  const open = vi.fn();
  render(<DataTable {...shared} rows={make(500)} onOpen={open} />);
  await userEvent.tab(); // the menu of columns comes first
  await userEvent.tab();
  expect(screen.getByText("row 0").closest("[role=row]")).toHaveFocus();
  await userEvent.keyboard("jj{ArrowDown}k{Enter}");
  expect(open).toHaveBeenLastCalledWith({ id: "r2", name: "row 2", size: 2 });
  await userEvent.keyboard("{End}{Enter}");
  expect(open).toHaveBeenLastCalledWith({ id: "r499", name: "row 499", size: 499 });
  await userEvent.keyboard("{Home}{PageDown}{ArrowUp}{Enter}");
  expect(open).toHaveBeenLastCalledWith({ id: "r15", name: "row 15", size: 15 });
});

test("forty quick presses are forty rows", async () => {
  const open = vi.fn();
  render(<DataTable {...shared} rows={make(500)} onOpen={open} />);
  screen.getByText("row 0").closest<HTMLElement>("[role=row]")!.focus();
  await userEvent.keyboard(`${"j".repeat(40)}{Enter}`);
  expect(open).toHaveBeenLastCalledWith({ id: "r40", name: "row 40", size: 40 });
});

test("headers ask the server for an order", async () => {
  const order = vi.fn();
  const { rerender } = render(<DataTable {...shared} rows={make(3)} orderBy="name" onOrderBy={order} />);
  expect(screen.getByRole("columnheader", { name: "Name" })).toHaveAttribute("aria-sort", "ascending");
  await userEvent.click(screen.getByRole("button", { name: "Name" }));
  expect(order).toHaveBeenLastCalledWith("name desc");
  await userEvent.click(screen.getByRole("button", { name: "Size" }));
  expect(order).toHaveBeenLastCalledWith("size desc");
  rerender(<DataTable {...shared} rows={make(3)} orderBy="size desc" onOrderBy={order} />);
  await userEvent.click(screen.getByRole("button", { name: "Size" }));
  expect(order).toHaveBeenLastCalledWith("size");
});

test("the choice of columns stays on this device", async () => {
  const first = render(<DataTable {...shared} rows={make(2)} />);
  expect(screen.queryByRole("columnheader", { name: "Extra" })).toBeNull();
  await userEvent.click(screen.getByRole("button", { name: "Columns" }));
  await userEvent.click(await screen.findByRole("menuitemcheckbox", { name: "Extra" }));
  await userEvent.click(screen.getByRole("menuitemcheckbox", { name: "Size" }));
  first.unmount();
  render(<DataTable {...shared} rows={make(2)} />);
  expect(screen.getByRole("columnheader", { name: "Extra" })).toBeVisible();
  expect(screen.queryByRole("columnheader", { name: "Size" })).toBeNull();
});

test("the next page loads as the end comes near, once, and not after it failed", async () => {
  const fetchNextPage = vi.fn();
  const paging = { hasNextPage: true, isFetchingNextPage: false, isFetchNextPageError: false, fetchNextPage };
  const { rerender } = render(<DataTable {...shared} rows={make(10)} paging={paging} />);
  expect(fetchNextPage).toHaveBeenCalledOnce();
  expect(screen.getByRole("grid")).toHaveAttribute("aria-rowcount", "-1");
  rerender(<DataTable {...shared} rows={make(10)} paging={{ ...paging, isFetchingNextPage: true }} />);
  rerender(<DataTable {...shared} rows={make(10)} paging={{ ...paging, isFetchNextPageError: true }} />);
  expect(fetchNextPage).toHaveBeenCalledOnce();
  await userEvent.click(screen.getByRole("button", { name: "Retry" }));
  expect(fetchNextPage).toHaveBeenCalledTimes(2);
});

test("a long list does not load its next page before it is scrolled", () => {
  const fetchNextPage = vi.fn();
  const paging = { hasNextPage: true, isFetchingNextPage: false, isFetchNextPageError: false, fetchNextPage };
  render(<DataTable {...shared} rows={make(500)} total={1200} paging={paging} />);
  expect(fetchNextPage).not.toHaveBeenCalled();
  expect(screen.getByRole("grid")).toHaveAttribute("aria-rowcount", "1201");
});

test("rows are selected by their boxes, by Space, and all at once", async () => {
  function Selecting() {
    const [selected, onChange] = useState<ReadonlySet<string>>(new Set());
    return (
      <>
        <output>{[...selected].join()}</output>
        <DataTable {...shared} rows={make(3)} rowName={(row) => row.name} selection={{ selected, onChange }} />
      </>
    );
  }
  render(<Selecting />);
  await userEvent.click(screen.getByRole("checkbox", { name: "Select row 1" }));
  expect(screen.getByRole("status")).toHaveTextContent("r1");
  screen.getByText("row 2").closest<HTMLElement>("[role=row]")!.focus();
  await userEvent.keyboard(" ");
  expect(screen.getByRole("status")).toHaveTextContent("r1,r2");
  const all = screen.getByRole("checkbox", { name: /Select all/ });
  expect(all).toHaveAttribute("aria-checked", "mixed");
  await userEvent.click(all);
  expect(screen.getByRole("status")).toHaveTextContent("r0,r1,r2");
  expect(bodyRows()[0]).toHaveAttribute("aria-selected", "true");
});

test("loading, nothing, and an error", () => {
  const { rerender } = render(<DataTable {...shared} rows={undefined} />);
  expect(screen.getByRole("grid")).toHaveAttribute("aria-busy", "true");
  rerender(<DataTable {...shared} rows={[]} />);
  expect(screen.getByText("Nothing yet")).toBeVisible();
  rerender(<DataTable {...shared} rows={undefined} error={<ErrorState error={{ title: "Broken" }} />} />);
  expect(within(screen.getByRole("alert")).getByText("Broken")).toBeVisible();
});

test("the focused row stays in the document while the list is scrolled away", async () => {
  const { container } = render(<DataTable {...shared} rows={make(1000)} />);
  const first = screen.getByText("row 0").closest<HTMLElement>("[role=row]")!;
  first.focus();
  const scroll = container.firstElementChild!;
  scroll.scrollTop = 20_000;
  scroll.dispatchEvent(new Event("scroll"));
  await waitFor(() => expect(screen.getByText("row 460")).toBeInTheDocument());
  expect(first).toHaveFocus();
});

test("on a narrow screen rows are cards, and the menu has the order", async () => {
  const { happyDOM } = window as unknown as { happyDOM: { setViewport: (size: { width: number }) => void } };
  happyDOM.setViewport({ width: 390 });
  try {
    const order = vi.fn();
    render(<DataTable {...shared} rows={make(3)} orderBy="name" onOrderBy={order} />);
    expect(bodyRows()[0]).toHaveTextContent("row 0Size0");
    await userEvent.click(screen.getByRole("button", { name: "Order and columns" }));
    await userEvent.click(await screen.findByRole("menuitemradio", { name: "Size" }));
    expect(order).toHaveBeenLastCalledWith("size desc");
  } finally {
    happyDOM.setViewport({ width: 1024 });
  }
});
