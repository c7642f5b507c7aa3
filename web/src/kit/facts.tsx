import type { ReactNode } from "react";
import { cx } from "@/lib/cx";

/** What is known of one thing: terms and their values, side by side. */
export function Facts({
  facts,
  className,
}: {
  facts: readonly (readonly [term: string, value: ReactNode])[];
  className?: string;
}) {
  return (
    <dl className={cx("grid grid-cols-[minmax(6rem,9rem)_minmax(0,1fr)] gap-x-3 gap-y-1.5", className)}>
      {facts.map(([term, value]) => (
        <div key={term} className="contents">
          <dt className="text-fg-2 wrap-anywhere">{term}</dt>
          <dd className="min-w-0 wrap-anywhere">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
