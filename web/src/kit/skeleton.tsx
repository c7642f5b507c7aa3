import { cx } from "@/lib/cx";

/** Stands in for what loads, in its final shape: give it the size by class ("h-4 w-40"). */
export function Skeleton({ className }: { className?: string }) {
  return <span aria-hidden className={cx("pulse block rounded-sm bg-hover", className)} />;
}

/** Lines of text that load. */
export function SkeletonText({ lines = 3, className }: { lines?: number; className?: string }) {
  return (
    <span aria-hidden className={cx("grid gap-2.5", className)}>
      {Array.from({ length: lines }, (_, line) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are all alike
        <Skeleton key={line} className={cx("h-3.5", line === lines - 1 ? "w-2/5" : line % 2 ? "w-11/12" : "w-4/5")} />
      ))}
    </span>
  );
}
