type SparkProps = {
  values: readonly (number | null)[];
  /** A colour token: "--c1", "--warn". */
  color?: string;
  width?: number;
  height?: number;
};

/** A line as large as a word, to be glanced at; the figure beside it is what is read. */
export function Spark({ values, color = "--c1", width = 72, height = 22 }: SparkProps) {
  const known = values.filter((value) => value !== null);
  if (known.length < 2) return <span aria-hidden className="inline-block" style={{ width, height }} />;
  const low = Math.min(...known);
  const high = Math.max(...known);
  const x = (index: number) => (index / (values.length - 1)) * width;
  const y = (value: number) => height - 2 - (high === low ? 0.5 : (value - low) / (high - low)) * (height - 4);
  let path = "";
  for (const [index, value] of values.entries()) {
    if (value === null) continue;
    const gap = index === 0 || values[index - 1] === null;
    path += `${gap ? "M" : "L"}${x(index).toFixed(1)},${y(value).toFixed(1)}`;
    if (gap && (values[index + 1] ?? null) === null) path += "h.01"; // alone: a dot
  }
  return (
    <svg aria-hidden="true" width={width} height={height} viewBox={`0 0 ${width} ${height}`} className="shrink-0">
      <path
        d={path}
        fill="none"
        stroke={`var(${color})`}
        strokeWidth="1.5"
        strokeLinejoin="round"
        strokeLinecap="round"
      />
    </svg>
  );
}
