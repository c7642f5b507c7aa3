export type Values = readonly (number | null)[];

/**
 * Breaks lines where nothing was measured: between two times that are farther apart than `maxGap` comes a moment
 * without a value. Times in seconds.
 */
export function withGaps(times: readonly number[], series: readonly Values[], maxGap: number) {
  const outTimes: number[] = [];
  const out: (number | null)[][] = series.map(() => []);
  times.forEach((time, index) => {
    const before = times[index - 1];
    if (before !== undefined && time - before > maxGap) {
      outTimes.push((before + time) / 2);
      for (const values of out) values.push(null);
    }
    outTimes.push(time);
    for (const [which, values] of out.entries()) values.push(series[which]?.[index] ?? null);
  });
  return { times: outTimes, series: out };
}

/** Each series on top of those before it. What has no value adds nothing, but a moment without any stays empty. */
export function stack(series: readonly Values[]): (number | null)[][] {
  const length = series[0]?.length ?? 0;
  const out: (number | null)[][] = series.map(() => []);
  for (let index = 0; index < length; index++) {
    const empty = series.every((values) => values[index] == null);
    let sum = 0;
    for (const [which, values] of series.entries()) {
      sum += values[index] ?? 0;
      out[which]!.push(empty ? null : sum);
    }
  }
  return out;
}

/** The last value that is known. */
export function lastOf(values: Values) {
  for (let index = values.length - 1; index >= 0; index--) if (values[index] != null) return values[index]!;
  return null;
}
