import { expect, test } from "vitest";
import { toProblem } from "@/kit/problem";

test("the cause is the sentence that says most", () => {
  expect(toProblem({ title: "Conflict", status: 409, detail: "The name is taken." }).cause).toBe("The name is taken.");
  expect(toProblem({ title: "Conflict", status: 409, detail: "" }).cause).toBe("Conflict");
  expect(toProblem(new Error("No such thing")).cause).toBe("No such thing");
  expect(toProblem("Plain text").cause).toBe("Plain text");
  expect(toProblem(undefined)).toEqual({ cause: "Something went wrong.", violations: [] });
});
