import { Checkbox as BaseCheckbox } from "@base-ui/react/checkbox";
import { Check, Minus } from "lucide-react";
import { type ReactNode, type Ref, useId } from "react";
import { cx } from "@/lib/cx";

type CheckboxProps = {
  label: string;
  hint?: ReactNode;
  checked: boolean;
  /** Some of what it stands for is checked. */
  mixed?: boolean;
  onChange: (checked: boolean) => void;
  disabled?: boolean;
  /** The label is only read out. */
  bare?: boolean;
  ref?: Ref<HTMLElement>;
  onBlur?: () => void;
  name?: string;
};

export function Checkbox({
  label,
  hint,
  checked,
  mixed,
  onChange,
  disabled,
  bare = false,
  ref,
  onBlur,
  name,
}: CheckboxProps) {
  const labelId = useId();
  const box = (
    <BaseCheckbox.Root
      ref={ref}
      name={name}
      checked={checked}
      indeterminate={mixed}
      onCheckedChange={(on) => onChange(on)}
      onBlur={onBlur}
      disabled={disabled}
      aria-label={bare ? label : undefined}
      // Within a group the name would otherwise be that of the group's first box.
      aria-labelledby={bare ? undefined : labelId}
      tabIndex={0}
      className={cx(
        "flex size-4 shrink-0 items-center justify-center rounded-sm border border-fg-3 bg-surface text-on-ink",
        "data-checked:border-ink data-checked:bg-ink data-indeterminate:border-ink data-indeterminate:bg-ink",
        "data-disabled:opacity-50 data-invalid:border-bad",
      )}
    >
      <BaseCheckbox.Indicator className="flex data-unchecked:hidden">
        {mixed ? (
          <Minus aria-hidden className="size-3" strokeWidth={3} />
        ) : (
          <Check aria-hidden className="size-3" strokeWidth={3} />
        )}
      </BaseCheckbox.Indicator>
    </BaseCheckbox.Root>
  );
  if (bare) return box;
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the box within is the control
    <label className="flex items-start gap-2.5">
      <span className="flex h-5 items-center">{box}</span>
      <span className="min-w-0">
        <span id={labelId} className={cx("block text-sm", disabled && "text-fg-3")}>
          {label}
        </span>
        {hint && <span className="block text-xs text-fg-3">{hint}</span>}
      </span>
    </label>
  );
}
