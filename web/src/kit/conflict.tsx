import { type ReactNode, useId, useState } from "react";
import { Button } from "@/kit/button";
import { Notice } from "@/kit/notice";
import { severity } from "@/kit/status";
import { cx } from "@/lib/cx";

export type ConflictField = {
  name: string;
  label: string;
  mine: ReactNode;
  /** What it has become meanwhile. */
  theirs: ReactNode;
};
export type Side = "mine" | "theirs";

type ConflictProps = {
  /** "Mara changed it 2m ago" */
  cause?: ReactNode;
  /** Those that differ. */
  fields: readonly ConflictField[];
  /** Which side each field takes. */
  onResolve: (choice: Record<string, Side>) => void;
  onCancel: () => void;
  busy?: boolean;
};

/** Somebody else has changed the same thing (409, 412): both sides, field by field. */
export function Conflict({ cause, fields, onResolve, onCancel, busy = false }: ConflictProps) {
  const [choice, setChoice] = useState<Record<string, Side>>(() =>
    Object.fromEntries(fields.map(({ name }) => [name, "mine" as const])),
  );
  const group = useId();
  const all = (side: Side) => setChoice(Object.fromEntries(fields.map(({ name }) => [name, side])));
  return (
    <section aria-label="Conflicting changes" className="grid gap-3">
      <Notice role="alert" state={severity("warning")} title="This was changed while you were editing it">
        {cause ?? "Nothing is lost: choose for each field which value to keep."}
      </Notice>
      <div className="flex flex-wrap justify-end gap-2">
        <Button size="sm" onClick={() => all("theirs")}>
          Take all of theirs
        </Button>
        <Button size="sm" onClick={() => all("mine")}>
          Keep all of mine
        </Button>
      </div>
      {fields.map(({ name, label, mine, theirs }) => (
        <fieldset key={name} className="min-w-0">
          <legend className="mb-1.5 text-sm font-medium">{label}</legend>
          <div className="grid gap-2 sm:grid-cols-2">
            {(["theirs", "mine"] as const).map((side) => (
              <label
                key={side}
                className={cx(
                  "flex min-w-0 items-start gap-2.5 rounded-md border border-line-strong p-3 hover:bg-hover",
                  "has-checked:border-ink has-checked:ring-1 has-checked:ring-ink has-checked:ring-inset",
                )}
              >
                <input
                  type="radio"
                  name={`${group}-${name}`}
                  checked={choice[name] === side}
                  onChange={() => setChoice({ ...choice, [name]: side })}
                  className="mt-0.75 size-4 shrink-0 accent-ink"
                />
                <span className="min-w-0">
                  <span className="block text-xs text-fg-2">{side === "theirs" ? "Take theirs" : "Keep mine"}</span>
                  <span className="block wrap-anywhere whitespace-pre-wrap">
                    {(side === "theirs" ? theirs : mine) ?? <span className="text-fg-3">Empty</span>}
                  </span>
                </span>
              </label>
            ))}
          </div>
        </fieldset>
      ))}
      <div className="flex justify-end gap-2">
        <Button onClick={onCancel}>Cancel</Button>
        <Button variant="primary" busy={busy} onClick={() => onResolve(choice)}>
          Save
        </Button>
      </div>
    </section>
  );
}
