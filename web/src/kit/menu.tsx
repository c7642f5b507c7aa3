import { Menu as BaseMenu } from "@base-ui/react/menu";
import { Ellipsis, type LucideIcon } from "lucide-react";
import type { ReactElement } from "react";
import { buttonClass } from "@/kit/button";
import { IconButton } from "@/kit/icon-button";
import { itemClass, popupClass } from "@/kit/popup";
import { cx } from "@/lib/cx";

export type MenuItem =
  | {
      label: string;
      icon?: LucideIcon;
      onSelect: () => void;
      danger?: boolean;
      /** Why it cannot be done now; it is then disabled. */
      blocked?: string;
    }
  | "separator";

type MenuProps = {
  /** The button that opens it. */
  trigger: ReactElement<Record<string, unknown>>;
  items: readonly MenuItem[];
  align?: "start" | "end";
};

/** A menu of actions. */
export function Menu({ trigger, items, align = "end" }: MenuProps) {
  return (
    <BaseMenu.Root>
      <BaseMenu.Trigger render={trigger} />
      <BaseMenu.Portal>
        <BaseMenu.Positioner sideOffset={4} align={align} className="z-60 outline-none">
          <BaseMenu.Popup className={cx(popupClass, "min-w-44")}>
            {items.map((item, index) =>
              item === "separator" ? (
                // biome-ignore lint/suspicious/noArrayIndexKey: a separator has nothing else
                <BaseMenu.Separator key={index} className="my-1 h-px bg-line" />
              ) : (
                <BaseMenu.Item
                  key={item.label}
                  disabled={item.blocked !== undefined}
                  onClick={item.onSelect}
                  className={cx(itemClass, item.danger && item.blocked === undefined && "text-bad-fg")}
                >
                  {item.icon && <item.icon aria-hidden strokeWidth={1.75} className="size-4 shrink-0" />}
                  {item.label}
                  {item.blocked && <span className="ml-auto max-w-56 pl-4 text-right text-xs">{item.blocked}</span>}
                </BaseMenu.Item>
              ),
            )}
          </BaseMenu.Popup>
        </BaseMenu.Positioner>
      </BaseMenu.Portal>
    </BaseMenu.Root>
  );
}

/** What can be done with one thing, behind a button with three dots. `framed`: beside buttons that have a frame. */
export function ActionMenu({ of, items, framed = false }: { of: string; items: MenuProps["items"]; framed?: boolean }) {
  const dots = <Ellipsis aria-hidden className="size-4" />;
  const name = `Actions for ${of}`;
  return (
    <Menu
      items={items}
      trigger={
        framed ? (
          <button type="button" aria-label={name} className={buttonClass("secondary", "icon")}>
            {dots}
          </button>
        ) : (
          <IconButton label={name}>{dots}</IconButton>
        )
      }
    />
  );
}
