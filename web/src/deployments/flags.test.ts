import { expect, test } from "vitest";
import { type EngineFlag, flagsOf, wrongFlag } from "./flags";

const flag = (name: string, type: EngineFlag["type"], limits: Partial<EngineFlag> = {}): EngineFlag => ({
  name,
  type,
  argument: `--${name}`,
  doc: "",
  choices: [],
  ...limits,
});

test("flags are sent as the types that the engine's catalogue names, empty ones not at all", () => {
  const flags = [
    flag("threads", "integer"),
    flag("delay", "number"),
    flag("arena", "boolean"),
    flag("level", "choice"),
    flag("name", "text"),
  ];
  expect(flagsOf(flags, { threads: "2", delay: "0.5", arena: "true", level: "all", name: "" })).toEqual({
    threads: 2,
    delay: 0.5,
    arena: true,
    level: "all",
  });
});

test("a number outside of its range, or none at all, is named", () => {
  const threads = flag("threads", "integer", { min: 1, max: 8 });
  expect(wrongFlag(threads, "")).toBeUndefined();
  expect(wrongFlag(threads, "8")).toBeUndefined();
  expect(wrongFlag(threads, "9")).toBe("At most 8.");
  expect(wrongFlag(threads, "0")).toBe("At least 1.");
  expect(wrongFlag(threads, "1.5")).toBe("Write a whole number.");
  expect(wrongFlag(threads, "many")).toBe("Write a number.");
});
