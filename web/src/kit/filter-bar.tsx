import { Search, X } from "lucide-react";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { Button } from "@/kit/button";
import { type Facet, FacetMenu } from "@/kit/facet-menu";
import { inputClass } from "@/kit/input";
import { Kbd } from "@/kit/kbd";
import { cx } from "@/lib/cx";
import { useShortcuts } from "@/lib/keyboard";

type FilterBarProps = {
  /** The name of the search box: "Filter models". */
  label: string;
  placeholder?: string;
  /** From the URL, and back to it (a moment after the typing ends). */
  query: string;
  onQuery: (query: string) => void;
  facets?: readonly Facet[];
  /** How many there are, read out when it changes: "12 of 2,400 models". */
  result: string;
  onClear: () => void;
  /** Something beside the words and the facets is looked for: it can be cleared too. */
  narrowed?: boolean;
  /** More controls, before the result. */
  children?: ReactNode;
};

const settleMs = 200;

/** Above a list: what is looked for, the facets, how many there are. "/" goes to the box. */
export function FilterBar({
  label,
  placeholder,
  query,
  onQuery,
  facets = [],
  result,
  onClear,
  narrowed = false,
  children,
}: FilterBarProps) {
  const box = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(query);
  const [sent, setSent] = useState(query);
  const [seen, setSeen] = useState(query);
  const latest = useRef(onQuery);
  latest.current = onQuery;

  if (query !== seen) {
    setSeen(query);
    if (query !== sent) {
      // changed from outside: Back, a link
      setSent(query);
      setText(query);
    }
  }
  useEffect(() => {
    if (text === sent) return;
    const timer = setTimeout(() => {
      setSent(text);
      latest.current(text);
    }, settleMs);
    return () => clearTimeout(timer);
  }, [text, sent]);

  useShortcuts({
    "/": () => {
      box.current?.focus();
      box.current?.select();
    },
  });

  const filtered = narrowed || query !== "" || text !== "" || facets.some((facet) => facet.selected.length > 0);
  return (
    <div role="search" className="flex flex-wrap items-center gap-2 px-4 pb-3 md:px-6">
      <div className="relative w-full sm:w-72">
        <Search aria-hidden className="pointer-events-none absolute top-2 left-2.5 size-4 text-fg-3" />
        <input
          ref={box}
          type="search"
          aria-label={label}
          aria-keyshortcuts="/"
          placeholder={placeholder}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape" && text) {
              event.preventDefault();
              setText("");
            }
            if (event.key === "Enter" && text !== sent) {
              setSent(text);
              onQuery(text);
            }
          }}
          className={cx(inputClass, "pr-8 pl-8 [&::-webkit-search-cancel-button]:hidden")}
        />
        {text ? (
          <button
            type="button"
            aria-label="Empty the search box"
            onClick={() => {
              setText("");
              box.current?.focus();
            }}
            className="absolute top-2 right-2 rounded-sm text-fg-3 hover:text-fg"
          >
            <X aria-hidden className="size-4" />
          </button>
        ) : (
          <Kbd keys="/" className="pointer-events-none absolute top-1.75 right-2" />
        )}
      </div>
      {facets.map((facet) => (
        <FacetMenu key={facet.label} {...facet} />
      ))}
      {filtered && (
        <Button
          variant="ghost"
          onClick={() => {
            setText("");
            setSent("");
            onClear();
          }}
        >
          Clear all
        </Button>
      )}
      <div className="ml-auto flex items-center gap-2">
        {children}
        <span role="status" className="tnum text-xs text-fg-3">
          {result}
        </span>
      </div>
    </div>
  );
}
