export const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/**
 * Runs the sides in turn (A B A B …), so that what else the machine does meets all alike, and returns for each side the
 * median of every number that its runs returned. The first round only warms up.
 */
export async function interleave(rounds, sides) {
  const seen = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
  for (let round = -1; round < rounds; round++) {
    for (const [name, run] of Object.entries(sides)) {
      const figures = await run();
      if (round >= 0) seen[name].push(figures);
    }
  }
  return Object.fromEntries(
    Object.entries(seen).map(([name, runs]) => [
      name,
      Object.fromEntries(Object.keys(runs[0]).map((figure) => [figure, median(runs.map((run) => run[figure]))])),
    ]),
  );
}
