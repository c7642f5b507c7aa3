import { Menu as BaseMenu } from "@base-ui/react/menu";
import { Check, ChevronDown } from "lucide-react";
import type { ReactNode } from "react";
import { buttonClass } from "@/kit/button";
import { itemClass, popupClass } from "@/kit/popup";
import { cx } from "@/lib/cx";
import { count } from "@/lib/format";

export type FacetOption = { value: string; label: ReactNode; count?: number };
export type Facet = {
  label: string;
  options: readonly FacetOption[];
  selected: readonly string[];
  onChange: (selected: string[]) => void;
};

/** One property to filter by: any number of its values. */
export function FacetMenu({ label, options, selected, onChange }: Facet) {
  return (
    <BaseMenu.Root>
      <BaseMenu.Trigger
        className={buttonClass(
          "secondary",
          "md",
          cx("font-normal data-popup-open:bg-hover", selected.length === 0 && "border-dashed text-fg-2"),
        )}
      >
        {label}
        {selected.length > 0 && (
          <span className="tnum rounded-sm bg-accent-tint px-1 text-2xs font-medium text-run-fg">
            {selected.length}
            <span className="sr-only"> chosen</span>
          </span>
        )}
        <ChevronDown aria-hidden className="size-3.5 text-fg-3" />
      </BaseMenu.Trigger>
      <BaseMenu.Portal>
        <BaseMenu.Positioner sideOffset={4} align="start" className="z-60 outline-none">
          <BaseMenu.Popup
            className={cx(popupClass, "max-h-[min(26rem,var(--available-height))] min-w-52 overflow-y-auto")}
          >
            {options.map((option) => {
              const on = selected.includes(option.value);
              return (
                <BaseMenu.CheckboxItem
                  key={option.value}
                  className={itemClass}
                  checked={on}
                  closeOnClick={false}
                  onCheckedChange={(checked) =>
                    onChange(checked ? [...selected, option.value] : selected.filter((value) => value !== option.value))
                  }
                >
                  <CheckMark on={on} />
                  {option.label}
                  {option.count !== undefined && (
                    <span className="tnum ml-auto pl-6 text-xs text-fg-3">{count(option.count)}</span>
                  )}
                </BaseMenu.CheckboxItem>
              );
            })}
            {selected.length > 0 && (
              <>
                <BaseMenu.Separator className="my-1 h-px bg-line" />
                <BaseMenu.Item className={cx(itemClass, "justify-center text-fg-2")} onClick={() => onChange([])}>
                  Clear filter
                </BaseMenu.Item>
              </>
            )}
          </BaseMenu.Popup>
        </BaseMenu.Positioner>
      </BaseMenu.Portal>
    </BaseMenu.Root>
  );
}

/** The box of a row that can be ticked. */
export function CheckMark({ on }: { on: boolean }) {
  return (
    <span
      aria-hidden
      className={cx(
        "flex size-4 shrink-0 items-center justify-center rounded-sm border",
        on ? "border-ink bg-ink text-on-ink" : "border-line-strong",
      )}
    >
      {on && <Check className="size-3" strokeWidth={3} />}
    </span>
  );
}
