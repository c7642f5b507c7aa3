import { Field as BaseField } from "@base-ui/react/field";
import { X } from "lucide-react";
import { type ClipboardEvent, type KeyboardEvent, type Ref, useId, useState } from "react";
import { cx } from "@/lib/cx";

export type Tags = Readonly<Record<string, string>>;

type TagsInputProps = {
  value: Tags;
  onChange: (tags: Tags) => void;
  /** What is wrong with a pair, if anything. */
  check?: (key: string, value: string) => string | undefined;
  placeholder?: string;
  ref?: Ref<HTMLInputElement>;
  onBlur?: () => void;
  name?: string;
};

/** "team=vision" is a key and its value; "gpu" is a key with an empty one. */
function parse(text: string): [key: string, value: string] {
  const at = text.indexOf("=");
  return at < 0 ? [text.trim(), ""] : [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}
const show = ([key, value]: [string, string]) => (value === "" ? key : `${key}=${value}`);

/** Pairs as chips: Enter or a comma adds what is typed, Backspace takes the last one back. */
export function TagsInput({ value, onChange, check, placeholder = "key=value", ref, onBlur, name }: TagsInputProps) {
  const [text, setText] = useState("");
  const [refused, setRefused] = useState<string | undefined>();
  const noteId = useId();
  const pairs = Object.entries(value);

  /** Adds what is valid of several; says what is wrong with the first that is not, and leaves that in the box. */
  const add = (texts: readonly string[]) => {
    const next: Record<string, string> = { ...value };
    let wrong: [text: string, why: string] | undefined;
    for (const one of texts.map((typed) => typed.trim()).filter(Boolean)) {
      const [key, tag] = parse(one);
      const why = key === "" ? "A tag begins with its key." : check?.(key, tag);
      if (why === undefined) next[key] = tag;
      else wrong ??= [one, why];
    }
    onChange(next);
    setText(wrong?.[0] ?? "");
    setRefused(wrong?.[1]);
  };
  const remove = (key: string) => {
    const { [key]: _gone, ...rest } = value;
    onChange(rest);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if ((event.key === "Enter" && text.trim() !== "") || event.key === ",") {
      event.preventDefault();
      add([text]);
    } else if (event.key === "Backspace" && text === "" && pairs.length > 0) {
      event.preventDefault();
      const last = pairs.at(-1)!;
      remove(last[0]);
      setText(show(last));
    }
  };
  const onPaste = (event: ClipboardEvent) => {
    const pasted = event.clipboardData.getData("text");
    if (!/[,\n]/.test(pasted)) return;
    event.preventDefault();
    add(pasted.split(/[,\n]/));
  };

  return (
    <div>
      <div
        className={cx(
          "flex min-h-8 flex-wrap items-center gap-1 rounded-md border border-line-strong bg-surface px-1.5 py-1 shadow-card",
          "hover:border-fg-3 has-[input:focus-visible]:border-accent has-[input:focus-visible]:outline-1",
          "has-[input:focus-visible]:outline-accent has-data-invalid:border-bad",
        )}
      >
        {pairs.map((pair) => (
          <span
            key={pair[0]}
            className="inline-flex h-5.5 max-w-full items-center gap-1 rounded-sm bg-hover pr-0.5 pl-1.5 text-xs"
          >
            <span className="truncate">{show(pair)}</span>
            <button
              type="button"
              aria-label={`Remove ${show(pair)}`}
              onClick={() => remove(pair[0])}
              className="grid size-4.5 place-items-center rounded-sm text-fg-3 hover:text-fg"
            >
              <X aria-hidden className="size-3" />
            </button>
          </span>
        ))}
        <BaseField.Control
          ref={ref}
          name={name}
          value={text}
          autoComplete="off"
          spellCheck={false}
          placeholder={pairs.length === 0 ? placeholder : undefined}
          aria-describedby={refused === undefined ? undefined : noteId}
          onChange={(event) => {
            setText(event.target.value);
            setRefused(undefined);
          }}
          onKeyDown={onKeyDown}
          onPaste={onPaste}
          onBlur={() => {
            add([text]);
            onBlur?.();
          }}
          className="h-5.5 min-w-24 flex-1 bg-transparent px-1 text-sm outline-none placeholder:text-fg-3"
        />
      </div>
      {refused !== undefined && (
        <p id={noteId} role="alert" className="mt-1.5 text-xs text-bad-fg">
          {refused}
        </p>
      )}
    </div>
  );
}
