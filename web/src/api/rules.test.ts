import { expect, test } from "vitest";
import { integer, rule, text } from "./rules";

const message = (
  schema: { safeParse: (value: unknown) => { error?: { issues: { message: string }[] } } },
  value: unknown,
) => schema.safeParse(value).error?.issues[0]?.message;

test("a name is checked as the server checks it", () => {
  const name = text("create_model", "name", { required: "Give it a name." });
  expect(message(name, "")).toBe("Give it a name.");
  expect(message(name, "digits-v2.1")).toBeUndefined();
  for (const refused of ["Digits", "-digits", "a..b", "über"]) expect(message(name, refused)).toMatch(/^Lower-case/);
  expect(message(name, "a".repeat(64))).toBe("At most 63 characters.");
});

test("an optional text may be empty, and is bounded", () => {
  const display_name = text("create_model", "display_name");
  expect(message(display_name, "")).toBeUndefined();
  expect(message(display_name, "x".repeat(129))).toBe("At most 128 characters.");
});

test("numbers have the server's range", () => {
  const { minimum, maximum } = rule("create_deployment", "replicas");
  const replicas = integer("create_deployment", "replicas");
  expect([minimum, maximum]).toEqual([1, 64]);
  expect(message(replicas, 65)).toBe("From 1 to 64.");
  expect(message(replicas, 1.5)).toBe("Write a whole number.");
  expect(message(replicas, 3)).toBeUndefined();
});
