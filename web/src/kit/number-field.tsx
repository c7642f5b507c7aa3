import { NumberField as BaseNumberField } from "@base-ui/react/number-field";
import { Minus, Plus } from "lucide-react";
import { type Ref, useId } from "react";
import { inputClass } from "@/kit/input";
import { cx } from "@/lib/cx";

type NumberFieldProps = {
  value: number | null;
  onChange: (value: number | null) => void;
  min?: number;
  max?: number;
  step?: number;
  /** Behind the number: "seconds". */
  unit?: string;
  /** Its name where no Field gives one. */
  label?: string;
  disabled?: boolean;
  ref?: Ref<HTMLInputElement>;
  onBlur?: () => void;
  name?: string;
  className?: string;
};

const stepClass =
  "grid h-full w-8 shrink-0 place-items-center text-fg-3 hover:bg-hover hover:text-fg data-disabled:opacity-40";

/** A number by typing, arrow keys or its two buttons. */
export function NumberField(props: NumberFieldProps) {
  const { value, onChange, min, max, step, unit, label, disabled, ref, onBlur, name, className } = props;
  const id = useId();
  return (
    <BaseNumberField.Root
      id={id}
      name={name}
      value={value}
      onValueChange={onChange}
      min={min}
      max={max}
      step={step}
      disabled={disabled}
      className={className}
    >
      <BaseNumberField.Group
        className={cx(
          inputClass,
          "flex items-center overflow-hidden p-0 has-focus-visible:border-accent has-focus-visible:outline-1",
          "has-focus-visible:outline-accent",
        )}
      >
        <BaseNumberField.Input
          ref={ref}
          onBlur={onBlur}
          aria-label={label}
          className="tnum h-full min-w-0 flex-1 bg-transparent px-2.5 outline-none"
        />
        {unit && <span className="shrink-0 pr-2 text-xs text-fg-3">{unit}</span>}
        <BaseNumberField.Decrement aria-label="Less" className={cx(stepClass, "border-l border-line")}>
          <Minus aria-hidden className="size-3.5" />
        </BaseNumberField.Decrement>
        <BaseNumberField.Increment aria-label="More" className={cx(stepClass, "border-l border-line")}>
          <Plus aria-hidden className="size-3.5" />
        </BaseNumberField.Increment>
      </BaseNumberField.Group>
    </BaseNumberField.Root>
  );
}
