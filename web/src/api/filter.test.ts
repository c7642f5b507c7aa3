import { expect, test } from "vitest";
import { and, contains, eq, ge, not, oneOf, or, startsWith, tag } from "./filter";

test("what people type stays inside its quotes", () => {
  expect(eq("name", "a' OR name != '")).toBe(String.raw`name = 'a\' OR name != \''`);
  expect(eq("name", "ends with \\")).toBe(String.raw`name = 'ends with \\'`);
  expect(eq("name", "line\nbreak\u0000")).toBe("name = 'line break '");
});

test("the wildcards of LIKE are looked for as they are", () => {
  expect(contains("name", "50%_a\\b")).toBe(String.raw`name LIKE '%50\\%\\_a\\\\b%'`);
  expect(startsWith("name", "it's")).toBe(String.raw`name LIKE 'it\'s%'`);
});

test("values have the form of their type", () => {
  expect(eq("disabled", false)).toBe("disabled = false");
  expect(ge("created_at", new Date("2026-01-02T03:04:05Z"))).toBe("created_at >= '2026-01-02T03:04:05.000Z'");
  expect(() => eq("size", Number.NaN)).toThrow(RangeError);
});

test("parts are put together, those that do not apply are left out", () => {
  expect(and()).toBeUndefined();
  expect(and(false, undefined, eq("state", "failed"))).toBe("state = 'failed'");
  expect(and(eq("a", 1), or(eq("b", 2), eq("c", 3)))).toBe("(a = 1) AND ((b = 2) OR (c = 3))");
  expect(not(eq("a", 1))).toBe("NOT (a = 1)");
  expect(oneOf("state", [])).toBeUndefined();
  expect(oneOf("state", ["failed", "o'k"])).toBe(String.raw`state IN ('failed', 'o\'k')`);
});

test("tags with unusual keys are quoted, fields are never free text", () => {
  expect(eq(tag("team"), "vision")).toBe("tags.team = 'vision'");
  expect(eq(tag('my "key"'), "x")).toBe(String.raw`tags."my \"key\"" = 'x'`);
  expect(() => eq("name = '' OR name", "x")).toThrow(RangeError);
});
