import { expect, test } from "vitest";
import { cosine, norm, vectorsOf } from "./embedding";

test("how near two vectors are", () => {
  expect(cosine([1, 0], [2, 0])).toBe(1);
  expect(cosine([1, 0], [0, 3])).toBe(0);
  expect(cosine([1, 1], [-1, -1])).toBeCloseTo(-1);
  expect(cosine([0, 0], [1, 1])).toBeUndefined();
  expect(cosine([1], [1, 1])).toBeUndefined();
  expect(norm([3, 4])).toBe(5);
});

test("vectors are in the order of the texts, however the answer lists them", () => {
  const data = [
    { index: 1, embedding: [2] },
    { index: 0, embedding: [1] },
  ];
  expect(vectorsOf({ data })).toEqual([[1], [2]]);
  expect(() => vectorsOf({})).toThrow("no embeddings");
});
