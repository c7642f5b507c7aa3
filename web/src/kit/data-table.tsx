import { defaultRangeExtractor, type Range, useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown, ArrowUp } from "lucide-react";
import {
  type KeyboardEvent,
  type MouseEvent,
  memo,
  type ReactNode,
  type RefObject,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { Button } from "@/kit/button";
import { Checkbox } from "@/kit/checkbox";
import { Skeleton } from "@/kit/skeleton";
import { TableView } from "@/kit/table-view";
import { useMedia } from "@/kit/use-media";
import { useStored } from "@/kit/use-stored";
import { cx } from "@/lib/cx";

export type Column<T> = {
  id: string;
  header: string;
  cell: (row: T) => ReactNode;
  /** A grid track: "minmax(13rem, 2fr)", "6rem". */
  width?: string;
  /** What the server orders by: "created_at". The header is then a button. */
  sort?: string;
  /** The first click orders downwards: dates, counts. */
  descendingFirst?: boolean;
  align?: "end";
  /** Not shown until it is chosen. */
  optional?: boolean;
  /** Left out where the table is too narrow for all, the lowest first, unless it was chosen. */
  yields?: number;
  /** In a card, on a narrow screen: at the end of the first line, or not at all. Others share the second line. */
  card?: "aside" | "none";
};

/** What useInfiniteQuery returns. */
export type Paging = {
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  isFetchNextPageError: boolean;
  fetchNextPage: () => unknown;
};

export type Selection = { selected: ReadonlySet<string>; onChange: (selected: ReadonlySet<string>) => void };

type DataTableProps<T> = {
  /** Its name, and the key under which this device remembers the choice of columns. */
  label: string;
  /** The first column names the row and is always shown. */
  columns: readonly Column<T>[];
  /** undefined while the first page loads. */
  rows: readonly T[] | undefined;
  rowId: (row: T) => string;
  /** How a row is called where it is selected; needed with `selection`. */
  rowName?: (row: T) => string;
  /** How many there are on the server, where it says so. */
  total?: number;
  paging?: Paging;
  /** The API's order_by, as in the URL: "name", "created_at desc". */
  orderBy?: string;
  onOrderBy?: (orderBy: string) => void;
  onOpen?: (row: T) => void;
  selection?: Selection;
  /** In place of rows when there are none: Empty, or NoMatch while filters are set. */
  empty: ReactNode;
  /** In place of rows: ErrorState. */
  error?: ReactNode;
  /** Changes with the filters: the table then begins at its top. */
  resetKey?: string;
  rowHeight?: number;
  className?: string;
};

const headerRows = 1;
const cardHeight = 72;
const skeletonRows = 8;
const defaultWidth = "minmax(7rem, 1fr)";
const gap_rem = 1;
/** The padding at both sides, and the menu of the header with its gap. */
const frame_rem = 5.5;

const leastRem = (track: string) => Number(/[\d.]+/.exec(track)?.[0] ?? 0);

/** Those columns that have a place in `width` pixels; all of them while it is not known (0). */
function fitting<T>(columns: readonly Column<T>[], width: number, chosen: Readonly<Record<string, boolean>>) {
  if (width === 0) return columns;
  const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
  const left = [...columns];
  const needed = () =>
    left.reduce((sum, column) => sum + leastRem(column.width ?? defaultWidth) + gap_rem, frame_rem - gap_rem);
  const yielding = columns
    .filter((column) => column.yields !== undefined && !chosen[column.id])
    .sort((a, b) => a.yields! - b.yields!);
  for (const column of yielding) {
    if (needed() * rem <= width) break;
    left.splice(left.indexOf(column), 1);
  }
  return left;
}

/** The inner width of an element, 0 until it is measured. */
function useWidth(element: RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const measure = () => setWidth(element.current!.clientWidth);
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element.current!);
    return () => observer.disconnect();
  }, [element]);
  return width;
}

/**
 * A list from the server. Rows are virtual; the next page loads as its end comes near. One row takes the focus; arrows or
 * j and k, Home, End, PageUp, PageDown move it, Enter opens, Space selects. It fills the height of its parent.
 */
export function DataTable<T>(props: DataTableProps<T>) {
  const { label, columns, rows, rowId, rowName, total, paging, orderBy, onOrderBy, onOpen, selection, className } =
    props;
  const cards = useMedia("(width < 48rem)");
  const rowHeight = cards ? cardHeight : (props.rowHeight ?? 44);
  const [choice, setChoice] = useStored<Record<string, boolean>>(`columns:${label}`, {}, (stored) =>
    typeof stored === "object" && stored !== null ? (stored as Record<string, boolean>) : undefined,
  );
  const scroll = useRef<HTMLDivElement>(null);
  const width = useWidth(scroll);
  const shown = useMemo(
    () =>
      fitting(
        columns.filter((column, index) => index === 0 || (choice[column.id] ?? !column.optional)),
        cards ? 0 : width,
        choice,
      ),
    [columns, choice, cards, width],
  );
  const grid = [
    selection && "1rem",
    ...shown.map((column) => column.width ?? defaultWidth),
    "1.5rem", // the menu of the header
  ]
    .filter(Boolean)
    .join(" ");

  const count = rows?.length ?? 0;
  const [active, setActive] = useState(0);
  const activeRow = Math.min(active, Math.max(0, count - 1));
  const takeFocus = useRef(false);
  const virtual = useVirtualizer({
    count,
    getScrollElement: () => scroll.current,
    estimateSize: () => rowHeight,
    overscan: 12,
    scrollPaddingStart: 32,
    // The active row stays in the document, so that scrolling does not lose the focus.
    rangeExtractor: (range: Range) => {
      const indexes = defaultRangeExtractor(range);
      if (activeRow >= count || indexes.includes(activeRow)) return indexes;
      return activeRow < range.startIndex ? [activeRow, ...indexes] : [...indexes, activeRow];
    },
  });
  const items = virtual.getVirtualItems();

  // biome-ignore lint/correctness/useExhaustiveDependencies: another height of rows
  useEffect(() => virtual.measure(), [rowHeight]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: what is shown is another list now
  useEffect(() => {
    setActive(0);
    scroll.current?.scrollTo({ top: 0 });
  }, [props.resetKey, orderBy]);

  useLayoutEffect(() => {
    if (!takeFocus.current) return;
    takeFocus.current = false;
    scroll.current?.querySelector<HTMLElement>(`[data-row="${activeRow}"]`)?.focus({ preventScroll: true });
  });

  const last = items.reduce((end, item) => Math.max(end, item.index === activeRow ? 0 : item.index), 0);
  const nearEnd = count > 0 && last >= count - 25;
  const { hasNextPage = false, isFetchingNextPage = false, isFetchNextPageError = false, fetchNextPage } = paging ?? {};
  useEffect(() => {
    if (nearEnd && hasNextPage && !isFetchingNextPage && !isFetchNextPageError) fetchNextPage?.();
  }, [nearEnd, hasNextPage, isFetchingNextPage, isFetchNextPageError, fetchNextPage]);

  const move = (to: number) => {
    const next = Math.max(0, Math.min(count - 1, to));
    takeFocus.current = true;
    setActive(next);
    virtual.scrollToIndex(next);
  };
  const page = Math.max(1, Math.floor((scroll.current?.clientHeight ?? 0) / rowHeight) - 2);
  const moves: Record<string, (at: number) => number> = {
    ArrowDown: (at) => at + 1,
    j: (at) => at + 1,
    ArrowUp: (at) => at - 1,
    k: (at) => at - 1,
    PageDown: (at) => at + page,
    PageUp: (at) => at - page,
    Home: () => 0,
    End: () => count - 1,
  };
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    const row = (event.target as HTMLElement).dataset.row;
    if (row === undefined || event.metaKey || event.ctrlKey || event.altKey) return;
    const at = Number(row);
    const to = moves[event.key];
    if (to) {
      event.preventDefault();
      move(to(at));
    } else if (event.key === "Enter" && onOpen) {
      event.preventDefault();
      onOpen(rows![at]!);
    } else if (event.key === " " && selection) {
      event.preventDefault();
      toggle(rows![at]!);
    }
  };
  const toggle = (row: T) => {
    const next = new Set(selection!.selected);
    const id = rowId(row);
    if (!next.delete(id)) next.add(id);
    selection!.onChange(next);
  };
  // Rows are drawn anew only when they themselves change, so what they call must stay the same.
  const latest = useRef({ toggle, onOpen });
  latest.current = { toggle, onOpen };
  const [calls] = useState<RowCalls<T>>(() => ({
    toggle: (row) => latest.current.toggle(row),
    open: (row) => latest.current.onOpen?.(row),
    activate: setActive,
  }));

  // -1: nobody knows how many
  const rowCount = total === undefined && hasNextPage ? -1 : (total ?? count) + headerRows;
  const view = (
    <TableView
      columns={columns}
      shown={shown}
      onShown={(id, on) => setChoice({ ...choice, [id]: on })}
      orderBy={cards ? orderBy : undefined}
      onOrderBy={cards ? onOrderBy : undefined}
    />
  );
  const chosen = selection?.selected.size ?? 0;
  const all = chosen >= count && count > 0 && rows!.every((row) => selection!.selected.has(rowId(row)));
  const selectAll = selection && (
    <Checkbox
      label={`Select all ${label.toLowerCase()} that are loaded`}
      bare
      checked={all}
      mixed={chosen > 0 && !all}
      onChange={(on) => selection.onChange(new Set(on ? rows?.map(rowId) : []))}
    />
  );

  return (
    <div
      ref={scroll}
      className={cx("relative min-h-0 flex-1 overflow-auto border-t border-line bg-surface", className)}
      // reached by keyboard while it has no row that takes the focus
      tabIndex={count === 0 ? 0 : -1}
    >
      <div
        role="grid"
        aria-label={label}
        aria-rowcount={rowCount}
        aria-multiselectable={selection ? true : undefined}
        aria-busy={rows === undefined || isFetchingNextPage}
        onKeyDown={onKeyDown}
        className="min-w-fit"
      >
        <div role="rowgroup" className="sticky top-0 z-10 bg-sunken">
          {cards ? (
            <div role="row" aria-rowindex={1} className="flex h-8 items-center gap-3 border-b border-line px-4">
              <div role="columnheader" className="flex items-center gap-3">
                {selectAll}
                <span className="eyebrow">{label}</span>
              </div>
              <div role="columnheader" className="ml-auto">
                {view}
              </div>
            </div>
          ) : (
            <div
              role="row"
              aria-rowindex={1}
              className="grid h-8 items-center gap-4 border-b border-line px-6"
              style={{ gridTemplateColumns: grid }}
            >
              {selectAll && <div role="columnheader">{selectAll}</div>}
              {shown.map((column) => (
                <Header key={column.id} column={column} orderBy={orderBy} onOrderBy={onOrderBy} />
              ))}
              <div role="columnheader">{view}</div>
            </div>
          )}
        </div>
        {rows === undefined && !props.error && (
          <SkeletonRows
            columns={shown}
            grid={grid}
            height={rowHeight}
            cards={cards}
            selects={selection !== undefined}
          />
        )}
        {count > 0 && (
          <div role="rowgroup" className="relative" style={{ height: virtual.getTotalSize() }}>
            {items.map((item) => {
              const row = rows![item.index]!;
              const id = rowId(row);
              return (
                <BodyRow
                  key={id}
                  row={row}
                  index={item.index}
                  start={item.start}
                  height={rowHeight}
                  columns={shown}
                  grid={cards ? null : grid}
                  active={item.index === activeRow}
                  opens={onOpen !== undefined}
                  selected={selection?.selected.has(id)}
                  name={selection && (rowName?.(row) ?? id)}
                  calls={calls as RowCalls<unknown>}
                />
              );
            })}
          </div>
        )}
        {isFetchingNextPage && (
          <SkeletonRows
            columns={shown}
            grid={grid}
            height={rowHeight}
            cards={cards}
            count={3}
            selects={selection !== undefined}
          />
        )}
      </div>
      {isFetchNextPageError && !isFetchingNextPage && (
        <div role="alert" className="sticky left-0 flex items-center gap-3 px-6 py-3 text-bad-fg">
          The next rows could not be loaded.
          <Button size="sm" onClick={() => fetchNextPage?.()}>
            Retry
          </Button>
        </div>
      )}
      {count === 0 && (props.error ?? (rows && <div className="sticky left-0">{props.empty}</div>))}
    </div>
  );
}

type RowCalls<T> = { toggle: (row: T) => void; open: (row: T) => void; activate: (index: number) => void };

type BodyRowProps<T> = {
  row: T;
  index: number;
  start: number;
  height: number;
  columns: readonly Column<T>[];
  /** null: a card */
  grid: string | null;
  active: boolean;
  opens: boolean;
  /** undefined: rows are not selected */
  selected: boolean | undefined;
  name: string | undefined;
  calls: RowCalls<unknown>;
};

const BodyRow = memo(function BodyRow<T>(props: BodyRowProps<T>) {
  const { row, index, start, height, columns, grid, active, opens, selected, name, calls } = props;
  const onClick = (event: MouseEvent<HTMLElement>) => {
    const target = event.target as HTMLElement;
    if (!event.currentTarget.contains(target)) return; // a menu of the row, which stands elsewhere
    if (target.closest("a, button, input, label, [role=checkbox]")) return;
    if (getSelection()?.isCollapsed === false) return; // text was being marked
    calls.open(row);
  };
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid has the keys
    <div
      role="row"
      aria-rowindex={index + 1 + headerRows}
      aria-selected={selected}
      data-row={index}
      tabIndex={active ? 0 : -1}
      onFocus={() => calls.activate(index)}
      onClick={onClick}
      className={cx(
        "absolute inset-x-0 border-b border-line hover:bg-hover focus-visible:-outline-offset-2",
        selected && "bg-accent-tint",
        opens && "cursor-pointer",
        grid === null ? "flex items-center gap-3 px-4" : "grid items-center gap-4 px-6",
      )}
      style={{ transform: `translateY(${start}px)`, height, gridTemplateColumns: grid ?? undefined }}
    >
      {selected !== undefined && (
        <div role="gridcell">
          <Checkbox label={`Select ${name}`} bare checked={selected} onChange={() => calls.toggle(row)} />
        </div>
      )}
      {grid === null ? <CardCells row={row} columns={columns} /> : <Cells row={row} columns={columns} />}
    </div>
  );
}) as <T>(props: BodyRowProps<T> & { key: string }) => ReactNode;

function Header<T>({
  column,
  orderBy = "",
  onOrderBy,
}: { column: Column<T> } & Pick<DataTableProps<T>, "orderBy" | "onOrderBy">) {
  const [by, direction] = orderBy.split(" ");
  const sorted = column.sort !== undefined && by === column.sort;
  const descending = sorted && direction === "desc";
  const nextDescending = sorted ? !descending : column.descendingFirst === true;
  const Arrow = descending ? ArrowDown : ArrowUp;
  return (
    <div
      role="columnheader"
      aria-sort={sorted ? (descending ? "descending" : "ascending") : undefined}
      className={cx("min-w-0 truncate", column.align === "end" && "text-right")}
    >
      {column.sort !== undefined && onOrderBy ? (
        <button
          type="button"
          onClick={() => onOrderBy(nextDescending ? `${column.sort} desc` : column.sort!)}
          className="eyebrow -mx-1 inline-flex items-center gap-1 rounded-sm px-1 hover:text-fg"
        >
          {column.header}
          {sorted && <Arrow aria-hidden className="size-3" />}
        </button>
      ) : (
        <span className="eyebrow">{column.header}</span>
      )}
    </div>
  );
}

function Cells<T>({ row, columns }: { row: T; columns: readonly Column<T>[] }) {
  return columns.map((column) => (
    <div
      role="gridcell"
      key={column.id}
      className={cx("flex min-w-0 items-center *:min-w-0", column.align === "end" && "tnum justify-end")}
    >
      {column.cell(row)}
    </div>
  ));
}

function CardCells<T>({ row, columns }: { row: T; columns: readonly Column<T>[] }) {
  const [title, ...others] = columns;
  const aside = others.filter((column) => column.card === "aside");
  const rest = others.filter((column) => column.card === undefined);
  return (
    <div role="presentation" className="min-w-0 flex-1">
      <div role="presentation" className="flex items-center gap-3">
        <div role="gridcell" className="min-w-0 flex-1">
          {title!.cell(row)}
        </div>
        {aside.map((column) => (
          <div role="gridcell" key={column.id} className="shrink-0">
            {column.cell(row)}
          </div>
        ))}
      </div>
      <div role="presentation" className="mt-0.5 flex h-5 items-center gap-x-3 overflow-hidden text-xs text-fg-2">
        {rest.map((column) => (
          <div role="gridcell" key={column.id} className="flex shrink-0 items-center gap-1">
            <span className="text-fg-3">{column.header}</span>
            {column.cell(row)}
          </div>
        ))}
      </div>
    </div>
  );
}

type SkeletonRowsProps<T> = {
  columns: readonly Column<T>[];
  grid: string;
  height: number;
  cards: boolean;
  selects: boolean;
  count?: number;
};

function SkeletonRows<T>({ columns, grid, height, cards, selects, count = skeletonRows }: SkeletonRowsProps<T>) {
  return Array.from({ length: count }, (_, line) => (
    <div
      // biome-ignore lint/suspicious/noArrayIndexKey: they are all alike
      key={line}
      aria-hidden
      className={cx("border-b border-line", cards ? "grid content-center gap-2 px-4" : "grid items-center gap-4 px-6")}
      style={{ height, gridTemplateColumns: cards ? undefined : grid }}
    >
      {cards ? (
        <>
          <Skeleton className="h-3.5 w-2/5" />
          <Skeleton className="h-3 w-3/5" />
        </>
      ) : (
        <>
          {selects && <Skeleton className="size-4" />}
          {columns.map((column, index) => (
            <Skeleton key={column.id} className={cx("h-3.5", index === 0 ? "w-3/4" : "w-1/2")} />
          ))}
        </>
      )}
    </div>
  ));
}
