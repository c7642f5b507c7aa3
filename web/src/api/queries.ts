import { QueryClient, type UseInfiniteQueryResult, useInfiniteQuery } from "@tanstack/react-query";
import createQueries from "openapi-react-query";
import { api } from "./client";
import type { Filter } from "./filter";
import { Problem } from "./problem";
import type { paths } from "./schema";

export function shouldRetry(failures: number, error: Error): boolean {
  return failures < 2 && (!(error instanceof Problem) || error.transient);
}

// "always": the server may be this very machine, which answers without any network.
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: { staleTime: 15_000, retry: shouldRetry, networkMode: "always" },
    mutations: { retry: false, networkMode: "always" },
  },
});

/** Typed queries: `$api.useQuery("get", "/api/v1/session")`. Keys are ["get", path, init]. */
export const $api = createQueries(api);

type GetOf<P extends keyof paths> = paths[P] extends { get: infer G } ? G : never;
type PageOf<P extends keyof paths> =
  GetOf<P> extends { responses: { 200: { content: { "application/json": infer Page } } } } ? Page : never;

/** The paths of lists that come in pages. */
export type ListPath = {
  [P in keyof paths]: PageOf<P> extends { items: unknown[]; next_page_token?: string }
    ? GetOf<P> extends { parameters: { query?: { page_token?: string } } }
      ? P
      : never
    : never;
}[keyof paths];

export type ItemOf<P extends ListPath> = PageOf<P> extends { items: (infer Item)[] } ? Item : never;

type ParametersOf<P extends ListPath> = GetOf<P> extends { parameters: infer Parameters } ? Parameters : never;
type QueryOf<P extends ListPath> = ParametersOf<P> extends { query?: infer Query } ? NonNullable<Query> : never;
type PathOf<P extends ListPath> = ParametersOf<P> extends { path: infer Path } ? { path: Path } : { path?: undefined };

export type ListRequest<P extends ListPath> = PathOf<P> & {
  query?: Omit<QueryOf<P>, "page_token" | "filter"> & { filter?: Filter };
};

type Page<P extends ListPath> = { items: ItemOf<P>[]; next_page_token?: string };

/** Under the list's path, apart from what `$api` keeps of it: pages have another form. */
export const listKey = <P extends ListPath>(path: P, request: ListRequest<P>) => ["get", path, request, "pages"];

async function readPage<P extends ListPath>(
  path: P,
  request: ListRequest<P>,
  page_token: string,
  signal: AbortSignal,
): Promise<Page<P>> {
  const query = { ...request.query, ...(page_token ? { page_token } : {}) };
  // The types of openapi-fetch do not follow a path that is a type parameter.
  const get = api.GET as unknown as (path: P, init: unknown) => Promise<{ data: Page<P> }>;
  return (await get(path, { params: { path: request.path, query }, signal })).data;
}

/**
 * A list, page by page, flattened: `data` holds what is loaded, `hasNextPage` and `fetchNextPage()` the rest.
 * While another filter loads, the rows of the last one stay.
 */
export function useList<P extends ListPath>(
  path: P,
  request: ListRequest<P>,
  options: { enabled?: boolean; refetchInterval?: number | false } = {},
): UseInfiniteQueryResult<ItemOf<P>[]> {
  return useInfiniteQuery({
    queryKey: listKey(path, request),
    queryFn: ({ pageParam, signal }) => readPage(path, request, pageParam, signal),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_page_token,
    select: (data) => data.pages.flatMap((page) => page.items),
    placeholderData: (before) => before,
    ...options,
  });
}
