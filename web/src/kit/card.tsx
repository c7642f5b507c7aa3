import type { ComponentProps, ReactNode } from "react";
import { cx } from "@/lib/cx";

export function Card({ className, ...props }: ComponentProps<"section">) {
  return (
    <section {...props} className={cx("min-w-0 rounded-lg border border-line bg-surface shadow-card", className)} />
  );
}

/** A card's title row: a title, a quiet remark beside it, actions at the end. */
export function CardHead({ title, sub, children }: { title: ReactNode; sub?: ReactNode; children?: ReactNode }) {
  return (
    <header className="flex min-h-11 flex-wrap items-center gap-x-2 gap-y-1 border-b border-line px-4 py-2">
      <h2 className="text-sm font-medium">{title}</h2>
      {sub && <span className="text-xs text-fg-3">{sub}</span>}
      {children && <div className="ml-auto flex items-center gap-1">{children}</div>}
    </header>
  );
}
