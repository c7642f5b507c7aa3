import { Menu } from "@base-ui/react/menu";
import { Check, SlidersHorizontal } from "lucide-react";
import type { Column } from "@/kit/data-table";
import { CheckMark } from "@/kit/facet-menu";
import { itemClass, popupClass } from "@/kit/popup";
import { cx } from "@/lib/cx";

type TableViewProps<T> = {
  columns: readonly Column<T>[];
  shown: readonly Column<T>[];
  onShown: (id: string, on: boolean) => void;
  /** Where there are no headers to click. */
  orderBy?: string;
  onOrderBy?: (orderBy: string) => void;
};

/** The menu of a table: which columns, and in which order where there is no header for it. */
export function TableView<T>({ columns, shown, onShown, orderBy, onOrderBy }: TableViewProps<T>) {
  const sortable = onOrderBy ? columns.filter((column) => column.sort !== undefined) : [];
  return (
    <Menu.Root>
      <Menu.Trigger
        aria-label={sortable.length > 0 ? "Order and columns" : "Columns"}
        className="-my-1 flex size-6 items-center justify-center rounded-sm text-fg-3 hover:bg-hover hover:text-fg"
      >
        <SlidersHorizontal aria-hidden className="size-3.5" />
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner sideOffset={4} align="end" className="z-60 outline-none">
          <Menu.Popup className={cx(popupClass, "min-w-44")}>
            {sortable.length > 0 && (
              <Menu.RadioGroup value={orderBy ?? ""} onValueChange={(next) => onOrderBy?.(next as string)}>
                <Menu.Group>
                  <Menu.GroupLabel className="eyebrow px-2 py-1">Order by</Menu.GroupLabel>
                  {sortable.map((column) => (
                    <Menu.RadioItem
                      key={column.id}
                      value={column.descendingFirst ? `${column.sort} desc` : column.sort}
                      className={itemClass}
                    >
                      <span className="w-4">
                        <Menu.RadioItemIndicator>
                          <Check aria-hidden className="size-3.5" />
                        </Menu.RadioItemIndicator>
                      </span>
                      {column.header}
                    </Menu.RadioItem>
                  ))}
                </Menu.Group>
                <Menu.Separator className="my-1 h-px bg-line" />
              </Menu.RadioGroup>
            )}
            <Menu.Group>
              <Menu.GroupLabel className="eyebrow px-2 py-1">Columns</Menu.GroupLabel>
              {columns.slice(1).map((column) => {
                const on = shown.includes(column);
                return (
                  <Menu.CheckboxItem
                    key={column.id}
                    className={itemClass}
                    checked={on}
                    closeOnClick={false}
                    onCheckedChange={(checked) => onShown(column.id, checked)}
                  >
                    <CheckMark on={on} />
                    {column.header}
                  </Menu.CheckboxItem>
                );
              })}
            </Menu.Group>
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}
