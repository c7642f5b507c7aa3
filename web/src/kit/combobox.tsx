import { Combobox as BaseCombobox } from "@base-ui/react/combobox";
import { Check, ChevronDown, X } from "lucide-react";
import { type ReactNode, type Ref, useEffect, useRef, useState } from "react";
import { inputClass } from "@/kit/input";
import { itemClass, popupClass } from "@/kit/popup";
import { cx } from "@/lib/cx";

export type ComboboxOption = {
  value: string;
  label: string;
  /** Under the label. */
  detail?: ReactNode;
  /** At the end of the row. */
  hint?: ReactNode;
  /** Why it cannot be chosen; it is then disabled. */
  blocked?: string;
};

type ComboboxProps = {
  options: readonly ComboboxOption[];
  value: ComboboxOption | null;
  onChange: (option: ComboboxOption | null) => void;
  /** The server searches: it is told what is typed, and `options` are its answer. */
  onSearch?: (query: string) => void;
  searching?: boolean;
  /** What is said when nothing matches. */
  noMatch?: string;
  placeholder?: string;
  /** Its name where no Field gives one. */
  label?: string;
  disabled?: boolean;
  ref?: Ref<HTMLInputElement>;
  onBlur?: () => void;
  name?: string;
};

const settleMs = 200;

/** One of many, found by typing. */
export function Combobox(props: ComboboxProps) {
  const { options, value, onChange, onSearch, searching = false, noMatch = "Nothing matches.", placeholder } = props;
  const [query, setQuery] = useState<string | null>(null);
  const latest = useRef(onSearch);
  latest.current = onSearch;
  useEffect(() => {
    if (query === null) return;
    const timer = setTimeout(() => latest.current?.(query), settleMs);
    return () => clearTimeout(timer);
  }, [query]);

  return (
    <BaseCombobox.Root<ComboboxOption>
      items={options}
      value={value}
      onValueChange={(option) => onChange(option)}
      onInputValueChange={(text, { reason }) => onSearch && setQuery(reason === "item-press" ? "" : text)}
      itemToStringLabel={(option) => option.label}
      itemToStringValue={(option) => option.value}
      isItemEqualToValue={(a, b) => a.value === b.value}
      filter={onSearch ? null : undefined}
      disabled={props.disabled}
      name={props.name}
      autoHighlight
    >
      <BaseCombobox.InputGroup className="relative">
        <BaseCombobox.Input
          ref={props.ref}
          onBlur={props.onBlur}
          aria-label={props.label}
          placeholder={placeholder}
          className={cx(inputClass, "pr-14")}
        />
        <span className="absolute inset-y-0 right-1.5 flex items-center text-fg-3">
          <BaseCombobox.Clear
            aria-label="Clear the choice"
            className="grid size-6 place-items-center rounded-sm hover:text-fg"
          >
            <X aria-hidden className="size-3.5" />
          </BaseCombobox.Clear>
          <BaseCombobox.Trigger
            aria-label="Show the options"
            className="grid size-6 place-items-center rounded-sm hover:text-fg"
          >
            <ChevronDown aria-hidden className="size-3.5" />
          </BaseCombobox.Trigger>
        </span>
      </BaseCombobox.InputGroup>
      <BaseCombobox.Portal>
        <BaseCombobox.Positioner sideOffset={4} className="z-60 outline-none">
          <BaseCombobox.Popup className={cx(popupClass, "w-[var(--anchor-width)] max-w-[var(--available-width)]")}>
            <BaseCombobox.Status className="px-2 py-1 text-xs text-fg-3 empty:hidden">
              {searching ? "Searching…" : null}
            </BaseCombobox.Status>
            <BaseCombobox.Empty className="px-2 py-2 text-fg-3 empty:hidden">
              {searching ? null : noMatch}
            </BaseCombobox.Empty>
            <BaseCombobox.List className="max-h-[min(20rem,var(--available-height))] overflow-y-auto">
              {(option: ComboboxOption) => (
                <BaseCombobox.Item
                  key={option.value}
                  value={option}
                  disabled={option.blocked !== undefined}
                  className={itemClass}
                >
                  <span className="w-3.5 shrink-0">
                    <BaseCombobox.ItemIndicator>
                      <Check aria-hidden className="size-3.5" />
                    </BaseCombobox.ItemIndicator>
                  </span>
                  <span className="min-w-0">
                    <span className="block truncate">{option.label}</span>
                    {option.detail && <span className="block truncate text-xs text-fg-3">{option.detail}</span>}
                  </span>
                  {(option.blocked ?? option.hint) && (
                    <span className="ml-auto max-w-1/2 shrink-0 pl-4 text-right text-xs text-fg-3">
                      {option.blocked ?? option.hint}
                    </span>
                  )}
                </BaseCombobox.Item>
              )}
            </BaseCombobox.List>
          </BaseCombobox.Popup>
        </BaseCombobox.Positioner>
      </BaseCombobox.Portal>
    </BaseCombobox.Root>
  );
}
