import { Select as BaseSelect } from "@base-ui/react/select";
import { Check, ChevronDown } from "lucide-react";
import type { ReactNode, Ref } from "react";
import { itemClass, popupClass } from "@/kit/popup";
import { cx } from "@/lib/cx";

export type SelectOption<V extends string> = {
  value: V;
  label: string;
  /** At the end of the row. */
  hint?: ReactNode;
  /** Why it cannot be chosen; it is then disabled. */
  blocked?: string;
};

type SelectProps<V extends string> = {
  options: readonly SelectOption<V>[];
  value: V | null;
  onChange: (value: V) => void;
  /** Its name where no Field and no prefix gives one. */
  label?: string;
  /** A quiet word before the value: "Sort by". */
  prefix?: string;
  placeholder?: string;
  disabled?: boolean;
  className?: string;
  ref?: Ref<HTMLButtonElement>;
  onBlur?: () => void;
  name?: string;
};

/** One of a few fixed options. For many, or ones that are searched, there is Combobox. */
export function Select<V extends string>(props: SelectProps<V>) {
  const { options, value, onChange, label, prefix, placeholder = "Choose", disabled, className, ref, onBlur } = props;
  return (
    <BaseSelect.Root
      items={options}
      value={value}
      onValueChange={(chosen) => chosen !== null && onChange(chosen)}
      disabled={disabled}
    >
      <BaseSelect.Trigger
        ref={ref}
        onBlur={onBlur}
        aria-label={label ?? prefix}
        className={cx(
          "inline-flex h-8 min-w-0 select-none items-center justify-between gap-2 rounded-md border border-line-strong",
          "bg-surface px-2.5 text-sm text-fg shadow-card hover:bg-hover data-popup-open:bg-hover",
          "data-disabled:bg-sunken data-disabled:text-fg-3 data-invalid:border-bad",
          className,
        )}
      >
        <span className="truncate">
          {prefix && <span className="text-fg-3">{prefix} </span>}
          <BaseSelect.Value placeholder={<span className="text-fg-3">{placeholder}</span>} />
        </span>
        <BaseSelect.Icon>
          <ChevronDown aria-hidden className="size-3.5 text-fg-3" />
        </BaseSelect.Icon>
      </BaseSelect.Trigger>
      <BaseSelect.Portal>
        <BaseSelect.Positioner sideOffset={4} alignItemWithTrigger={false} className="z-60 outline-none">
          <BaseSelect.Popup
            className={cx(popupClass, "min-w-[max(var(--anchor-width),11rem)] max-w-[var(--available-width)]")}
          >
            <BaseSelect.List className="max-h-[min(24rem,var(--available-height))] overflow-y-auto">
              {options.map((option) => (
                <BaseSelect.Item
                  key={option.value}
                  value={option.value}
                  disabled={option.blocked !== undefined}
                  className={itemClass}
                >
                  <span className="w-3.5 shrink-0">
                    <BaseSelect.ItemIndicator>
                      <Check aria-hidden className="size-3.5" />
                    </BaseSelect.ItemIndicator>
                  </span>
                  <BaseSelect.ItemText className="shrink-0">{option.label}</BaseSelect.ItemText>
                  {(option.blocked ?? option.hint) && (
                    <span className="ml-auto pl-4 text-right text-xs text-fg-3">{option.blocked ?? option.hint}</span>
                  )}
                </BaseSelect.Item>
              ))}
            </BaseSelect.List>
          </BaseSelect.Popup>
        </BaseSelect.Positioner>
      </BaseSelect.Portal>
    </BaseSelect.Root>
  );
}
