export const dot = (a: readonly number[], b: readonly number[]) =>
  a.reduce((sum, value, index) => sum + value * b[index]!, 0);
export const norm = (a: readonly number[]) => Math.sqrt(dot(a, a));

/** -1 to 1; undefined where one of them is zero, or where they have other dimensions. */
export function cosine(a: readonly number[], b: readonly number[]): number | undefined {
  const lengths = norm(a) * norm(b);
  return a.length !== b.length || lengths === 0 ? undefined : Math.max(-1, Math.min(1, dot(a, b) / lengths));
}

/** The vectors of an answer of /v1/embeddings, in the order of the texts. */
export function vectorsOf(answer: unknown): number[][] {
  const { data } = answer as { data?: { index?: number; embedding: number[] }[] };
  if (!Array.isArray(data)) throw new Error("The engine's answer has no embeddings.");
  return data
    .map((row, place) => ({ at: row.index ?? place, vector: row.embedding }))
    .sort((a, b) => a.at - b.at)
    .map((row) => row.vector);
}
