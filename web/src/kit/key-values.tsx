import { Plus, X } from "lucide-react";
import { type ClipboardEvent, useEffect, useId, useRef } from "react";
import { Button } from "@/kit/button";
import { inputClass } from "@/kit/input";
import { cx } from "@/lib/cx";

export type KeyValue = { key: string; value: string };

type KeyValuesProps = {
  value: readonly KeyValue[];
  onChange: (rows: KeyValue[]) => void;
  /** "Variable", "Header" */
  what?: string;
  /** What is wrong with a key, if anything; that it stands twice is found here. */
  check?: (key: string) => string | undefined;
  onBlur?: () => void;
};

/** Rows of a key and a value. Lines of KEY=value that are pasted into a key become rows. */
export function KeyValues({ value: rows, onChange, what = "Variable", check, onBlur }: KeyValuesProps) {
  const list = useRef<HTMLDivElement>(null);
  const id = useId();
  const set = (index: number, row: Partial<KeyValue>) =>
    onChange(rows.map((other, at) => (at === index ? { ...other, ...row } : other)));
  const wrongAt = (index: number) => {
    const { key, value } = rows[index]!;
    if (key === "") return value === "" ? undefined : "Give it a name.";
    if (rows.some((other, at) => at < index && other.key === key)) return "It is there already.";
    return check?.(key);
  };
  const added = useRef(false);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once the new row is there
  useEffect(() => {
    if (added.current) list.current?.querySelector<HTMLElement>("[data-row]:last-of-type input")?.focus();
    added.current = false;
  }, [rows.length]);
  const add = () => {
    added.current = true;
    onChange([...rows, { key: "", value: "" }]);
  };
  const onPaste = (event: ClipboardEvent, index: number) => {
    const lines = event.clipboardData
      .getData("text")
      .split("\n")
      .map((line) => /^\s*(?:export\s+)?([^=\s#]+)\s*=\s*(.*?)\s*$/.exec(line))
      .filter((match) => match !== null)
      .map(([, key, value]) => ({ key: key!, value: value!.replace(/^(["'])(.*)\1$/, "$2") }));
    if (lines.length === 0) return;
    event.preventDefault();
    onChange([...rows.slice(0, index), ...lines, ...rows.slice(index + 1)]);
  };

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it hears of its inputs' blur
    <div ref={list} className="grid gap-2" onBlur={onBlur}>
      {rows.map((row, index) => {
        const wrong = wrongAt(index);
        const name = `${what} ${index + 1}`;
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place; its key changes while it is typed
          <div key={index} data-row className="grid gap-1">
            <div className="grid grid-cols-[minmax(0,2fr)_minmax(0,3fr)_2rem] gap-2">
              <input
                aria-label={`${name}, name`}
                aria-invalid={wrong !== undefined}
                aria-describedby={wrong === undefined ? undefined : `${id}-${index}`}
                value={row.key}
                placeholder="NAME"
                autoComplete="off"
                spellCheck={false}
                onChange={(event) => set(index, { key: event.target.value })}
                onPaste={(event) => onPaste(event, index)}
                className={cx(inputClass, "font-mono text-xs")}
              />
              <input
                aria-label={`${name}, value`}
                value={row.value}
                placeholder="value"
                autoComplete="off"
                spellCheck={false}
                onChange={(event) => set(index, { value: event.target.value })}
                className={cx(inputClass, "font-mono text-xs")}
              />
              <Button
                size="icon"
                variant="ghost"
                aria-label={`Remove ${row.key || name.toLowerCase()}`}
                onClick={() => onChange(rows.filter((_, at) => at !== index))}
              >
                <X aria-hidden className="size-4" />
              </Button>
            </div>
            {wrong !== undefined && (
              <p id={`${id}-${index}`} className="text-xs text-bad-fg">
                {wrong}
              </p>
            )}
          </div>
        );
      })}
      <Button size="sm" className="justify-self-start" onClick={add}>
        <Plus aria-hidden className="size-3.5" />
        Add {what.toLowerCase()}
      </Button>
    </div>
  );
}
