// What an event means for what is cached: which lists it patches, which queries are read again.
import type { InfiniteData, Query, QueryClient } from "@tanstack/react-query";
import { api, body } from "./client";
import type { Event } from "./events";
import { Problem } from "./problem";

type Row = { id: string };
type Page = { items: Row[]; next_page_token?: string };

type Effect = {
  /** Whatever is read from these paths, and under them, may have changed. */
  paths: readonly string[];
  /** The list whose rows are such subjects, and how one is read. */
  list?: string;
  read?: (id: string) => Promise<Row>;
};

const effects: Record<string, Effect> = {
  model: {
    paths: ["/api/v1/models"],
    list: "/api/v1/models",
    read: (model) => body(api.GET("/api/v1/models/{model}", { params: { path: { model } } })),
  },
  model_version: { paths: ["/api/v1/models"] },
  upload: { paths: ["/api/v1/uploads", "/api/v1/operations", "/api/v1/models"] },
  approval: {
    paths: ["/api/v1/approvals", "/api/v1/models"],
    list: "/api/v1/approvals",
    read: (approval) => body(api.GET("/api/v1/approvals/{approval}", { params: { path: { approval } } })),
  },
  deployment: {
    paths: ["/api/v1/deployments"],
    list: "/api/v1/deployments",
    read: (deployment) => body(api.GET("/api/v1/deployments/{deployment}", { params: { path: { deployment } } })),
  },
  target: {
    paths: ["/api/v1/targets"],
    list: "/api/v1/targets",
    read: (target) => body(api.GET("/api/v1/targets/{target}", { params: { path: { target } } })),
  },
  gateway: { paths: ["/api/v1/gateways"] },
};

const pathOf = (query: Query) => (query.queryKey[0] === "get" ? String(query.queryKey[1]) : "");

/** Logs are followed by streams of their own. */
const concerns = (query: Query, paths: readonly string[]) => {
  const path = pathOf(query);
  return !path.endsWith("/logs") && paths.some((prefix) => path === prefix || path.startsWith(`${prefix}/`));
};

function pagesOf(query: Query): Page[] {
  const data = query.state.data as Page | InfiniteData<Page> | undefined;
  if (!data) return [];
  return "pages" in data ? data.pages : "items" in data ? [data] : [];
}

/** A list without a filter shows a row whatever its new state is. Others may have to drop it, or to take it in. */
function isPatchable(query: Query, list: string, id: string): boolean {
  const request = query.queryKey[2] as { query?: { filter?: string }; params?: { query?: { filter?: string } } };
  return (
    pathOf(query) === list &&
    !request?.query?.filter &&
    !request?.params?.query?.filter &&
    pagesOf(query).some((page) => page.items.some((row) => row.id === id))
  );
}

function patch(client: QueryClient, query: Query, row: Row) {
  const replaced = (page: Page): Page => ({ ...page, items: page.items.map((old) => (old.id === row.id ? row : old)) });
  client.setQueryData(
    query.queryKey,
    (data: Page | InfiniteData<Page> | undefined) =>
      data && ("pages" in data ? { ...data, pages: data.pages.map(replaced) } : replaced(data)),
  );
}

/** What is deleted cannot be read any more: the lists leave it out when they are read again. */
const isGone = (kind: string) => /\.deleted?$/.test(kind);

/** Patches the rows of one subject. Returns the queries that then show it as it is. */
async function patchRows(client: QueryClient, { list, read }: Effect, id: string): Promise<Set<string>> {
  if (!list || !read) return new Set();
  const queries = client.getQueryCache().findAll({ predicate: (query) => isPatchable(query, list, id) });
  if (queries.length === 0) return new Set();
  try {
    const row = await read(id);
    for (const query of queries) patch(client, query, row);
    return new Set(queries.map((query) => query.queryHash));
  } catch (error) {
    if (error instanceof Problem) return new Set(); // it is gone, or cannot be read: then the lists are read again
    throw error;
  }
}

/** Patches the rows that have changed and reads again whatever else may differ, once for all of these events. */
export async function applyEvents(client: QueryClient, events: readonly Event[]): Promise<void> {
  const subjects = new Map(events.map((event) => [`${event.subject_kind}/${event.subject_id}`, event]));
  const applied = await Promise.all(
    [...subjects.values()].flatMap(({ kind, subject_kind, subject_id }) => {
      const effect = effects[subject_kind];
      if (!effect) return [];
      const patching = isGone(kind) ? Promise.resolve(new Set<string>()) : patchRows(client, effect, subject_id);
      return patching.then((patched) => ({ paths: effect.paths, patched }));
    }),
  );
  await client.invalidateQueries({
    predicate: (query) => applied.some(({ paths, patched }) => concerns(query, paths) && !patched.has(query.queryHash)),
  });
}

/** Reads again whatever is shown, and leaves the rest to be read when it is. */
export async function refetchShown(client: QueryClient): Promise<void> {
  await client.invalidateQueries({ predicate: (query) => pathOf(query) !== "" }, { cancelRefetch: false });
}
