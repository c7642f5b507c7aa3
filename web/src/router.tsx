import { useQueryErrorResetBoundary } from "@tanstack/react-query";
import { createRouter, type ErrorComponentProps, type RouterHistory, useRouter } from "@tanstack/react-router";
import { queryClient } from "./api/queries";
import { sessionQuery } from "./identity/session";
import { routeTree } from "./routeTree.gen";
import { NotFoundPage, PlainProblemPage, ProblemPage } from "./shell/problem-page";

function RouteError({ error }: ErrorComponentProps) {
  const router = useRouter();
  const { reset } = useQueryErrorResetBoundary();
  const retry = () => {
    reset();
    void router.invalidate();
  };
  const is_signed_in = queryClient.getQueryData(sessionQuery.queryKey) !== undefined;
  return is_signed_in ? (
    <ProblemPage error={error} onRetry={retry} />
  ) : (
    <PlainProblemPage error={error} onRetry={retry} />
  );
}

/** The pages of the app. Tests give a history of their own. */
export const makeRouter = (history?: RouterHistory) =>
  createRouter({
    routeTree,
    history,
    defaultPreload: "intent",
    scrollRestoration: true,
    defaultErrorComponent: RouteError,
    defaultNotFoundComponent: NotFoundPage,
  });

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
