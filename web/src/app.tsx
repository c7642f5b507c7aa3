import { CSPProvider } from "@base-ui/react/csp-provider";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { lazy, Suspense } from "react";
import { queryClient } from "./api/queries";
import { loadLater } from "./lib/after-content";
import type { makeRouter } from "./router";

// Needed only after an action.
const Toasts = lazy(async () => ({ default: (await loadLater(() => import("./kit/toast"))).ToastProvider }));

export function App({ router }: { router: ReturnType<typeof makeRouter> }) {
  return (
    <CSPProvider disableStyleElements>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
        <Suspense>
          <Toasts>{null}</Toasts>
        </Suspense>
      </QueryClientProvider>
    </CSPProvider>
  );
}
