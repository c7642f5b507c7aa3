import type { QueryClient } from "@tanstack/react-query";
import type { AnyRouter } from "@tanstack/react-router";

let show: () => void;

/** Resolves when the first page shows its content. What is not needed to see it, or to use it, is loaded then. */
export const afterContent = new Promise<void>((resolve) => {
  show = resolve;
});
export const contentShown = () => show();

const retry_ms = 5_000;

/** What `load` brings, once the content is shown. While the server is away it is tried again: it never fails. */
export async function loadLater<T>(load: () => Promise<T>): Promise<T> {
  await afterContent;
  for (;;) {
    try {
      return await load();
    } catch {
      await new Promise((next) => setTimeout(next, retry_ms));
    }
  }
}

// A page whose server answers late is usable before it is complete.
const longest_ms = 3_000;

/** Looks for that moment: the page is there, its queries are answered, and the browser has nothing left to draw. */
export function watchContent(router: AnyRouter, queries: QueryClient) {
  const whenIdle = window.requestIdleCallback ?? ((look: () => void) => setTimeout(look, 200));
  const look = () =>
    whenIdle(() => {
      if (router.state.status === "idle" && queries.isFetching() === 0) end();
    });
  const watched = [router.subscribe("onRendered", look), queries.getQueryCache().subscribe(look)];
  const patience = setTimeout(end, longest_ms);
  function end() {
    clearTimeout(patience);
    for (const stop of watched) stop();
    contentShown();
  }
}
