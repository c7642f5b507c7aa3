import { expect, test } from "vitest";
import { figureTexts } from "./try-text";

const texts = (figures: Parameters<typeof figureTexts>[0]) => figureTexts(figures).map((figure) => figure.text);

test("figures of an answer, as far as there are any", () => {
  const figures = { first_ms: 120, total_ms: 2120, tokens: 84, exact: true, tokens_per_second: 41.5 };
  expect(texts(figures)).toEqual(["First token 120 ms", "84 tokens", "41.5 tokens/s", "2.1 s in all"]);
  expect(texts({ ...figures, exact: false, tokens_per_second: 1234 }).slice(1, 3)).toEqual([
    "≈ 84 tokens",
    "≈ 1,234 tokens/s",
  ]);
  expect(texts({ total_ms: 50, tokens: 1, exact: true })).toEqual(["1 token", "50 ms in all"]);
});
