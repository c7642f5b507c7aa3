import { expect, test } from "vitest";
import { initials } from "./account";
import { actions, allowed, destinations, isCurrent } from "./navigation";

test("a page is current for what stands below it, the home page only for itself", () => {
  expect(isCurrent("/modelops", "/modelops/")).toBe(true);
  expect(isCurrent("/modelops", "/modelops/registry")).toBe(false);
  expect(isCurrent("/modelops/registry", "/modelops/registry/digits")).toBe(true);
  expect(isCurrent("/modelops/registry", "/modelops/registry-mirror")).toBe(false);
});

test("what needs a permission is offered only with it", () => {
  const rows = [{ permission: "models:write" }, { permission: "models:read" }, {}];
  expect(allowed(rows, (permission) => permission === "models:read")).toEqual([{ permission: "models:read" }, {}]);
});

test("no two rows share their keys or their address", () => {
  const rows = [...destinations, ...actions];
  const keys = rows.flatMap((row) => row.keys ?? []);
  expect(new Set(keys).size).toBe(keys.length);
  expect(new Set(rows.map((row) => row.link.to)).size).toBe(rows.length);
});

test.each([
  ["Mara Okafor", "MO"],
  ["admin@example.org", "AE"],
  ["Zoë", "Z"],
  ["", ""],
])("the initials of %s are %s", (name, expected) => expect(initials(name)).toBe(expected));
