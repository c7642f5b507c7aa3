import type { ReactNode } from "react";
import { cx } from "@/lib/cx";

/** A neutral label: an alias, an environment, a tag. States are shown by Status. */
export function Badge({
  children,
  mono = false,
  className,
}: {
  children: ReactNode;
  mono?: boolean;
  className?: string;
}) {
  return (
    <span
      className={cx(
        "inline-flex h-5 max-w-full items-center rounded-sm border border-line bg-sunken px-1.5 text-2xs font-medium text-fg-2",
        mono && "font-mono font-normal",
        className,
      )}
    >
      <span className="truncate">{children}</span>
    </span>
  );
}
