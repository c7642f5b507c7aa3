import { render, screen, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { Bars } from "@/kit/bars";
import { TimeChart } from "@/kit/chart";
import { lastOf, stack, withGaps } from "@/kit/chart-data";
import { Spark } from "@/kit/spark";

test("a line breaks where nothing was measured", () => {
  const { times, series } = withGaps([0, 10, 20, 100, 110], [[1, 2, 3, 4, 5]], 30);
  expect(times).toEqual([0, 10, 20, 60, 100, 110]);
  expect(series).toEqual([[1, 2, 3, null, 4, 5]]);
});

test("series stack; a moment without any value stays empty", () => {
  expect(
    stack([
      [1, null, null],
      [2, 5, null],
    ]),
  ).toEqual([
    [1, 0, null],
    [3, 5, null],
  ]);
  expect(lastOf([1, 2, null])).toBe(2);
  expect(lastOf([])).toBeNull();
});

test("a chart tells its latest values, and has them as a table", async () => {
  render(
    <TimeChart
      title="Latency"
      times={[1_700_000_000, 1_700_000_010]}
      series={[
        { label: "p95", values: [480, 593] },
        { label: "p50", values: [210, null] },
      ]}
      format={(value) => `${value} ms`}
      threshold={{ value: 600, label: "SLO 600 ms" }}
    />,
  );
  expect(screen.getByRole("img", { name: "Latency: p95 593 ms, p50 210 ms, threshold SLO 600 ms" })).toBeVisible();
  await userEvent.click(screen.getByRole("button", { name: "Latency as a table" }));
  const rows = within(screen.getByRole("region", { name: "Latency, values" })).getAllByRole("row");
  expect(rows.map((row) => [...row.children].slice(1).map((cell) => cell.textContent))).toEqual([
    ["p95", "p50"],
    ["593 ms", "–"],
    ["480 ms", "210 ms"],
  ]);
});

test("a chart without samples says so", () => {
  render(<TimeChart title="Errors" times={[]} series={[{ label: "errors", values: [] }]} />);
  expect(screen.getByText("No samples in this time range")).toBeVisible();
});

test("bars are a list with their figures", () => {
  render(
    <Bars
      label="Probabilities"
      bars={[
        { label: "7", value: 0.912 },
        { label: "1", value: 0.05 },
      ]}
    />,
  );
  const items = within(screen.getByRole("list", { name: "Probabilities" })).getAllByRole("listitem");
  expect(items.map((item) => item.textContent)).toEqual(["791.2%", "15%"]);
});

test("a spark has a gap where a value is missing, and is nothing for less than two", () => {
  const { container, rerender } = render(<Spark values={[1, 2, null, 3, 4]} />);
  expect(container.querySelector("path")!.getAttribute("d")!.match(/M/g)).toHaveLength(2);
  rerender(<Spark values={[1]} />);
  expect(container.querySelector("svg")).toBeNull();
});
