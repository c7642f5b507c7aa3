import { expect, test } from "vitest";
import { faultIn, imageInput, inferPath, isDistribution, outputsOf, requestText, vectorOf, zeros } from "./tensors";
import type { Port, Trial } from "./try";

const port = (shape: number[], dtype = "float32", name = "x"): Port => ({ name, dtype, shape, dim_names: [] });

test("the path of a model names it as the engine does", () => {
  expect(inferPath({ serve_path: "/serve/northwind/digits", engine_model: "my digits" } as Trial)).toBe(
    "/serve/northwind/digits/v2/models/my%20digits/infer",
  );
});

test("a request begins as zeros of the right names, shapes and types", () => {
  const request = zeros([
    port([-1, 2]),
    port([2], "int64", "ids"),
    port([-1], "string", "text"),
    port([1], "bool", "b"),
  ]);
  expect(request.inputs).toEqual([
    { name: "x", shape: [1, 2], datatype: "FP32", data: [0, 0] },
    { name: "ids", shape: [2], datatype: "INT64", data: [0, 0] },
    { name: "text", shape: [1], datatype: "BYTES", data: [""] },
    { name: "b", shape: [1], datatype: "BOOL", data: [false] },
  ]);
  const text = requestText(request);
  expect(JSON.parse(text)).toEqual(request);
  expect(text).toContain('      "data": [0,0]\n');
  expect(faultIn(text)).toBeUndefined();
  expect(JSON.parse(requestText({ inputs: [] }))).toEqual({ inputs: [] });
});

test("a tensor of millions is not written out", () => {
  const [input] = zeros([port([-1, 3, 1024, 1024])]).inputs;
  expect(input).toMatchObject({ shape: [1, 3, 1024, 1024], data: [] });
});

test.each([
  ["{", /^This is not JSON/],
  ["[]", /list of tensors/],
  ['{"inputs":[{}]}', /Input 1 has no "name"/],
  ['{"inputs":[{"name":"x","shape":[-1]}]}', /"shape" of x/],
  ['{"inputs":[{"name":"x","shape":[1]}]}', /x has no "datatype"/],
  ['{"inputs":[{"name":"x","shape":[1],"datatype":"FP32"}]}', /"data" of x/],
  [
    '{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1]}]}',
    /x has 1 values; its shape \[1, 2\] wants 2/,
  ],
])("%s is refused before it is sent", (text, fault) => expect(faultIn(text)).toMatch(fault));

test("data may be nested", () => {
  expect(faultIn('{"inputs":[{"name":"x","shape":[2,2],"datatype":"FP32","data":[[1,2],[3,4]]}]}')).toBeUndefined();
});

test.each([
  [[-1, 64], 8],
  [[1, 64], 8],
  [[-1, 8, 8], 8],
  [[-1, 784], 28],
  [[-1, 28, 28], 28],
  [[-1, 1, 28, 28], 28],
  [[-1, 28, 28, 1], 28],
])("%j may be drawn", (shape, side) => {
  expect(imageInput([port(shape)])).toEqual({ name: "x", datatype: "FP32", shape: [1, ...shape.slice(1)], side });
});

test.each([
  [[port([64])]],
  [[port([-1, 3, 28, 28])]],
  [[port([-1, 32, 2])]],
  [[port([-1, -1])]],
  [[port([8, 64])]],
  [[port([-1, 64], "int64")]],
  [[port([-1, 64]), port([-1, 64])]],
  [[]],
])("%j is not drawn", (ports) => expect(imageInput(ports)).toBeUndefined());

const tensor = (shape: number[], data: unknown) => ({ name: "y", datatype: "FP32", shape, data });

test("bars are for one row of numbers, two to twenty", () => {
  expect(vectorOf(tensor([1, 3], [1, 2, 3]))).toEqual([1, 2, 3]);
  expect(vectorOf(tensor([3], [[1], [2], [3]]))).toEqual([1, 2, 3]);
  expect(vectorOf(tensor([2, 2], [1, 2, 3, 4]))).toBeUndefined();
  expect(vectorOf(tensor([1], [1]))).toBeUndefined();
  expect(vectorOf(tensor([21], new Array(21).fill(0)))).toBeUndefined();
  expect(vectorOf(tensor([2], ["a", "b"]))).toBeUndefined();
  expect(vectorOf(tensor([2], [null, 1]))).toBeUndefined();
});

test("shares of one read as per cent, other numbers do not", () => {
  expect(isDistribution([0.2, 0.8])).toBe(true);
  expect(isDistribution([0.2, 0.2])).toBe(false);
  expect(isDistribution([-0.5, 1.5])).toBe(false);
});

test("an answer of another kind has no outputs", () => {
  expect(outputsOf({ outputs: [tensor([1], [1])] })).toHaveLength(1);
  expect(outputsOf({ result: 1 })).toEqual([]);
  expect(outputsOf(null)).toEqual([]);
});
