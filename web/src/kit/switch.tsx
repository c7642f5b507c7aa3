import { Switch as BaseSwitch } from "@base-ui/react/switch";
import type { ReactNode, Ref } from "react";
import { cx } from "@/lib/cx";

type SwitchProps = {
  label: string;
  hint?: ReactNode;
  checked: boolean;
  onChange: (checked: boolean) => void;
  disabled?: boolean;
  ref?: Ref<HTMLElement>;
  onBlur?: () => void;
  name?: string;
};

/** On or off, at once. In a form that is sent, Checkbox says the same with less ado. */
export function Switch({ label, hint, checked, onChange, disabled, ref, onBlur, name }: SwitchProps) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the switch within is the control
    <label className="flex items-start gap-3">
      <BaseSwitch.Root
        ref={ref}
        name={name}
        checked={checked}
        onCheckedChange={(on) => onChange(on)}
        onBlur={onBlur}
        disabled={disabled}
        className={cx(
          "mt-0.5 flex h-4.5 w-8 shrink-0 items-center rounded-full border border-fg-3 bg-sunken px-0.5",
          "transition-colors duration-100 data-checked:border-ink data-checked:bg-ink data-disabled:opacity-50",
        )}
      >
        <BaseSwitch.Thumb className="size-3 rounded-full bg-fg-3 transition-[translate] duration-100 data-checked:translate-x-3.25 data-checked:bg-on-ink motion-reduce:transition-none" />
      </BaseSwitch.Root>
      <span className="min-w-0">
        <span className={cx("block text-sm", disabled && "text-fg-3")}>{label}</span>
        {hint && <span className="block text-xs text-fg-3">{hint}</span>}
      </span>
    </label>
  );
}
