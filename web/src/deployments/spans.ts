import type { Schema } from "@/api/client";

type Given = Schema<"RecentRequest">;
type Measured = "first_byte_ms" | "first_token_ms" | "tokens_in" | "tokens_out";
/** As the server tells it: only what was not measured is absent. */
export type RecentRequest = Required<Omit<Given, Measured>> & Pick<Given, Measured>;
export type Span = Required<Schema<"RequestSpan">>;

export type PlacedSpan = Span & {
  depth: number;
  /** Of the whole, 0 to 1. */
  left: number;
  width: number;
};

/** Each span below the one that it belongs to, in the order of their beginnings, on one axis of time. */
export function placed(spans: readonly Span[]): PlacedSpan[] {
  const known = new Set(spans.map(({ span_id }) => span_id));
  const below = new Map<string, Span[]>();
  for (const span of spans) {
    const parent = known.has(span.parent_span_id) && span.parent_span_id !== span.span_id ? span.parent_span_id : "";
    below.set(parent, [...(below.get(parent) ?? []), span]);
  }
  const whole = Math.max(...spans.map((span) => span.start_ms + span.duration_ms), Number.MIN_VALUE);
  const out: PlacedSpan[] = [];
  const add = (parent: string, depth: number) => {
    const children = below.get(parent) ?? [];
    below.delete(parent); // whoever names each other as parent is not followed for ever
    for (const span of children.toSorted((a, b) => a.start_ms - b.start_ms)) {
      const left = Math.min(1, Math.max(0, span.start_ms / whole));
      out.push({ ...span, depth, left, width: Math.min(1 - left, span.duration_ms / whole) });
      add(span.span_id, depth + 1);
    }
  };
  add("", 0);
  return out;
}
