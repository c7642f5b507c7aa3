import { Field as BaseField } from "@base-ui/react/field";
import type { ComponentProps } from "react";
import { cx } from "@/lib/cx";

/** The look of everything that is typed into. */
export const inputClass =
  "h-8 w-full min-w-0 rounded-md border border-line-strong bg-surface px-2.5 text-sm text-fg shadow-card " +
  "placeholder:text-fg-3 hover:border-fg-3 focus-visible:border-accent focus-visible:outline-1 " +
  "focus-visible:outline-offset-0 aria-invalid:border-bad data-invalid:border-bad disabled:bg-sunken " +
  "disabled:text-fg-3";

type InputProps = Omit<ComponentProps<typeof BaseField.Control>, "className"> & {
  className?: string;
  /** For what a person might paste: names, addresses, identifiers. */
  mono?: boolean;
};

export function Input({ className, mono = false, ...props }: InputProps) {
  const technical = mono ? { autoComplete: "off", spellCheck: false, autoCapitalize: "off" } : {};
  return (
    <BaseField.Control
      {...technical}
      {...props}
      className={cx(inputClass, "read-only:bg-sunken", mono && "font-mono text-xs", className)}
    />
  );
}

export function Textarea({ rows = 3, className, ...props }: InputProps & { rows?: number }) {
  return <Input {...props} render={<textarea rows={rows} />} className={cx("h-auto py-1.5", className)} />;
}
