import { Field as BaseField } from "@base-ui/react/field";
import { Radio } from "@base-ui/react/radio";
import { RadioGroup } from "@base-ui/react/radio-group";
import type { LucideIcon } from "lucide-react";
import type { ReactNode, Ref } from "react";
import { Badge } from "@/kit/badge";
import { cx } from "@/lib/cx";

export type Choice<V extends string> = {
  value: V;
  label: string;
  hint?: ReactNode;
  icon?: LucideIcon;
  /** "Recommended" */
  badge?: string;
  /** Why it cannot be chosen; it is then disabled and says so. */
  blocked?: string;
};

type ChoiceCardsProps<V extends string> = {
  options: readonly Choice<V>[];
  value: V | null;
  onChange: (value: V) => void;
  /** Its name where no FieldGroup gives one. */
  label?: string;
  columns?: 1 | 2 | 3;
  ref?: Ref<HTMLDivElement>;
  onBlur?: () => void;
  name?: string;
};

/** One of a few, each with a word of explanation. */
export function ChoiceCards<V extends string>(props: ChoiceCardsProps<V>) {
  const { options, value, onChange, label, columns = 1, ref, onBlur, name } = props;
  return (
    <RadioGroup
      ref={ref}
      name={name}
      aria-label={label}
      value={value ?? ""}
      onValueChange={(chosen) => onChange(chosen as V)}
      onBlur={onBlur}
      className={cx("grid gap-2", columns === 2 && "sm:grid-cols-2", columns === 3 && "sm:grid-cols-3")}
    >
      {options.map((option) => (
        // An item has its own label; otherwise all radios would take the one of the field.
        <BaseField.Item
          key={option.value}
          disabled={option.blocked !== undefined}
          className={cx("grid min-w-0", columns === 2 && "sm:[&:last-child:nth-child(odd)]:col-span-full")}
        >
          <BaseField.Label
            className={cx(
              "relative flex min-w-0 items-start gap-3 rounded-md border border-line-strong p-3",
              "has-data-checked:border-ink has-data-checked:ring-1 has-data-checked:ring-ink has-data-checked:ring-inset",
              option.blocked === undefined ? "hover:bg-hover" : "bg-sunken",
            )}
          >
            <Radio.Root
              value={option.value}
              className={cx(
                "mt-0.5 grid size-4 shrink-0 place-items-center rounded-full border border-fg-3",
                "data-checked:border-ink data-checked:bg-ink data-disabled:opacity-40",
              )}
            >
              <Radio.Indicator className="size-1.5 rounded-full bg-on-ink" />
            </Radio.Root>
            <span className="min-w-0 wrap-anywhere">
              <span className="flex flex-wrap items-center gap-x-2 text-sm font-medium">
                {option.label}
                {option.badge && <Badge>{option.badge}</Badge>}
              </span>
              {(option.blocked ?? option.hint) && (
                <span className="block text-xs text-fg-2">{option.blocked ?? option.hint}</span>
              )}
            </span>
            {option.icon && (
              <option.icon aria-hidden className="ml-auto size-4 shrink-0 text-fg-3" strokeWidth={1.75} />
            )}
          </BaseField.Label>
        </BaseField.Item>
      ))}
    </RadioGroup>
  );
}
