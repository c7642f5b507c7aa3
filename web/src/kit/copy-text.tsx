import { Check, Copy } from "lucide-react";
import { useCopy } from "@/kit/use-copy";
import { cx } from "@/lib/cx";

type CopyTextProps = {
  text: string;
  /** Shown instead of the text, which is still what is copied. */
  children?: string;
  className?: string;
};

/** Text that a click copies: identifiers, digests, addresses. */
export function CopyText({ text, children, className }: CopyTextProps) {
  const { copied, copy, said } = useCopy();
  return (
    <button
      type="button"
      onClick={() => void copy(text)}
      title={children === undefined ? undefined : text}
      className={cx(
        "group inline-flex max-w-full items-center gap-1.5 rounded-sm text-left font-mono text-xs text-fg-2 hover:text-fg",
        className,
      )}
    >
      <span className="sr-only">Copy </span>
      <span className="truncate">{children ?? text}</span>
      {copied ? (
        <Check aria-hidden className="size-3 shrink-0 text-ok-fg" />
      ) : (
        <Copy aria-hidden className="size-3 shrink-0 opacity-50 group-hover:opacity-100" />
      )}
      {said}
    </button>
  );
}
