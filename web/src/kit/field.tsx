import { Field as BaseField } from "@base-ui/react/field";
import { Fieldset } from "@base-ui/react/fieldset";
import type { ReactNode } from "react";

type FieldProps = {
  label: ReactNode;
  hint?: ReactNode;
  error?: string;
  optional?: boolean;
  name?: string;
  /** The control is a button (Select): its label is then no native <label>. */
  button?: boolean;
  children: ReactNode;
};

/** A control with its label, its hint and its error, tied together for assistive technology. */
export function Field({ label, hint, error, optional, name, button = false, children }: FieldProps) {
  return (
    <BaseField.Root name={name} invalid={error !== undefined} className="grid min-w-0 gap-1.5">
      <div className="flex items-baseline justify-between gap-2">
        <BaseField.Label className="text-sm font-medium" nativeLabel={!button} render={button ? <div /> : undefined}>
          {label}
        </BaseField.Label>
        {optional && <span className="text-xs text-fg-3">Optional</span>}
      </div>
      {children}
      <Note error={error} hint={hint} />
    </BaseField.Root>
  );
}

function Note({ error, hint }: { error?: string; hint?: ReactNode }) {
  if (error !== undefined)
    return (
      <BaseField.Error match className="text-xs text-bad-fg">
        {error}
      </BaseField.Error>
    );
  if (hint) return <BaseField.Description className="text-xs text-fg-3">{hint}</BaseField.Description>;
  return null;
}

type FieldGroupProps = { label: ReactNode; hint?: ReactNode; error?: string; optional?: boolean; children: ReactNode };

/** Several controls that answer one question: radio cards, a list of pairs. */
export function FieldGroup({ label, hint, error, optional, children }: FieldGroupProps) {
  return (
    <BaseField.Root invalid={error !== undefined} className="min-w-0">
      <Fieldset.Root className="grid min-w-0 gap-1.5">
        <div className="flex items-baseline justify-between gap-2">
          <Fieldset.Legend className="text-sm font-medium">{label}</Fieldset.Legend>
          {optional && <span className="text-xs text-fg-3">Optional</span>}
        </div>
        {children}
        <Note error={error} hint={hint} />
      </Fieldset.Root>
    </BaseField.Root>
  );
}
