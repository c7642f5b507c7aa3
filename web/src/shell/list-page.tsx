import type { ReactNode } from "react";
import { Failure } from "@/identity/failure";
import { type Column, DataTable, type Paging } from "@/kit/data-table";
import type { Facet } from "@/kit/facet-menu";
import { FilterBar } from "@/kit/filter-bar";
import { Page } from "@/kit/page";
import { NoMatch } from "@/kit/states";
import { plural } from "@/lib/format";

/** What useList and $api.useQuery return, as far as a list page reads it. */
type List<T> = Partial<Paging> & { data: readonly T[] | undefined; error: unknown; refetch: () => unknown };

/** `S`: what of the address narrows the list. */
type ListPageProps<T, S extends { q: string }> = {
  title: string;
  description: ReactNode;
  actions?: ReactNode;
  /** One row: "deployment". */
  what: string;
  placeholder: string;
  list: List<T>;
  /** How many there are when nothing narrows the list, where the server says so. */
  total?: number;
  /** Keep them outside of the component, or memoised: rows that did not change are then not drawn again. */
  columns: readonly Column<T>[];
  search: S;
  /** The search that lets everything through: "Clear all" leads to it. */
  everything: S;
  onSearch: (change: Partial<NoInfer<S>>) => void;
  /** Each chooses among the values of one part of the search. */
  facets: readonly (Pick<Facet, "label" | "options"> & {
    name: { [K in keyof S]: S[K] extends string[] ? K : never }[keyof S];
  })[];
  orderBy?: string;
  onOrderBy?: (orderBy: string) => void;
  onOpen?: (row: T) => void;
  /** In place of rows when there are none and nothing was looked for. */
  empty: ReactNode;
  /** Which list it is, where the page has several. */
  which?: string;
  /** Whether something is looked for; by default where the search is not `everything`. */
  narrowed?: boolean;
  /** Between the title and the filters. */
  above?: ReactNode;
  /** More controls beside the filters. */
  controls?: ReactNode;
  /** Between the filters and the rows. */
  note?: ReactNode;
  /** Dialogs. */
  children?: ReactNode;
};

/** A page that is a list: filters, how many there are, the rows, and what stands in their place. */
export function ListPage<T extends { id: string }, S extends { q: string }>(props: ListPageProps<T, S>) {
  const { what, list, search, everything, onSearch } = props;
  const differs = (Object.keys(everything) as (keyof S)[]).some(
    (name) => String(search[name] ?? "") !== String(everything[name] ?? ""),
  );
  const narrowed = props.narrowed ?? differs;
  const total = differs ? undefined : props.total;
  const rows = list.data;
  const many = `${what}s`;
  const clear = () => onSearch(everything);
  return (
    <Page full title={props.title} description={props.description} actions={props.actions}>
      {props.above && <div className="px-4 pb-4 md:px-6">{props.above}</div>}
      <FilterBar
        label={`Filter ${many}`}
        placeholder={props.placeholder}
        query={search.q}
        onQuery={(q) => onSearch({ q } as Partial<S>)}
        facets={props.facets.map(({ name, ...facet }) => ({
          ...facet,
          selected: search[name] as string[],
          onChange: (chosen) => onSearch({ [name]: chosen } as Partial<S>),
        }))}
        result={
          rows ? plural(total ?? rows.length, what) + (list.hasNextPage && total === undefined ? " so far" : "") : ""
        }
        onClear={clear}
        narrowed={differs}
      >
        {props.controls}
      </FilterBar>
      {props.note && <div className="flex flex-wrap items-center gap-2 px-4 pb-3 text-fg-2 md:px-6">{props.note}</div>}
      <DataTable
        label={many[0]!.toUpperCase() + many.slice(1)}
        columns={props.columns}
        rows={rows}
        rowId={(row) => row.id}
        total={total}
        paging={"fetchNextPage" in list ? (list as Paging) : undefined}
        orderBy={props.orderBy}
        onOrderBy={props.onOrderBy}
        onOpen={props.onOpen}
        resetKey={`${props.which} ${JSON.stringify(search)}`}
        error={
          list.error && !rows ? (
            <Failure error={list.error} title={`The ${many} could not be loaded`} onRetry={() => void list.refetch()} />
          ) : undefined
        }
        empty={narrowed ? <NoMatch what={what} onClear={clear} /> : props.empty}
      />
      {props.children}
    </Page>
  );
}
