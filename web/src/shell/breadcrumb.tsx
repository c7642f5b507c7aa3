import { type AnyRouteMatch, Link, useRouterState } from "@tanstack/react-router";

export type Crumb = string | ((params: Record<string, string>) => string);

declare module "@tanstack/react-router" {
  interface StaticDataRouteOption {
    /** The page's name in the breadcrumb and in the title of the window. */
    crumb?: Crumb;
  }
}

type Named = { path: string; label: string };

/** The names of the pages from the outermost to the one that is shown. */
export function crumbsOf(matches: readonly Pick<AnyRouteMatch, "staticData" | "params" | "pathname">[]): Named[] {
  return matches.flatMap(({ staticData, params, pathname }) => {
    const crumb = staticData.crumb;
    if (crumb === undefined) return [];
    return [{ path: pathname, label: typeof crumb === "string" ? crumb : crumb(params as Record<string, string>) }];
  });
}

/** "digits · Registry · ModelOps" */
export const titleOf = (names: readonly string[]) => [...names.filter(Boolean).toReversed(), "ModelOps"].join(" · ");

export function Breadcrumb() {
  const crumbs = useRouterState({ select: (state) => crumbsOf(state.matches), structuralSharing: true });
  return (
    <nav aria-label="Breadcrumb" className="min-w-0 overflow-hidden">
      <ol className="flex min-w-0 items-center gap-1.5 text-sm">
        {crumbs.map((crumb, i) => (
          <li key={crumb.path + crumb.label} className="flex min-w-0 items-center gap-1.5 not-last:max-sm:hidden">
            {i > 0 && (
              <span aria-hidden className="text-fg-3 max-sm:hidden">
                /
              </span>
            )}
            {i === crumbs.length - 1 ? (
              <span aria-current="page" className="truncate font-medium">
                {crumb.label}
              </span>
            ) : (
              <Link to={crumb.path} className="truncate text-fg-2 hover:text-fg">
                {crumb.label}
              </Link>
            )}
          </li>
        ))}
      </ol>
    </nav>
  );
}
