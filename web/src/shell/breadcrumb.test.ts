import { expect, test } from "vitest";
import { crumbsOf, titleOf } from "./breadcrumb";

test("the names of the pages come from the routes, the deepest last", () => {
  const matches = [
    { staticData: {}, params: {}, pathname: "/modelops" },
    { staticData: { crumb: "Registry" }, params: {}, pathname: "/modelops/registry" },
    {
      staticData: { crumb: (params: Record<string, string>) => params.model ?? "" },
      params: { model: "digits" },
      pathname: "/modelops/registry/digits",
    },
  ];
  expect(crumbsOf(matches)).toEqual([
    { path: "/modelops/registry", label: "Registry" },
    { path: "/modelops/registry/digits", label: "digits" },
  ]);
  expect(titleOf(["Registry", "digits"])).toBe("digits · Registry · ModelOps");
  expect(titleOf([""])).toBe("ModelOps");
});
