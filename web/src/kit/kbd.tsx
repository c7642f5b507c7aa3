import { cx } from "@/lib/cx";
import { shownKeys } from "@/lib/keyboard";

/** The keys of a shortcut as lib/keyboard names them: "/", "mod+k", "g d". */
export function Kbd({ keys, className }: { keys: string; className?: string }) {
  return (
    <span className={cx("inline-flex gap-0.5", className)}>
      {shownKeys(keys).map((key, place) => (
        <kbd
          // biome-ignore lint/suspicious/noArrayIndexKey: the same key may come twice
          key={place}
          className="inline-flex h-4.5 min-w-4.5 items-center justify-center rounded-sm border border-line bg-sunken px-1 font-sans text-2xs text-fg-3"
        >
          {key}
        </kbd>
      ))}
    </span>
  );
}
