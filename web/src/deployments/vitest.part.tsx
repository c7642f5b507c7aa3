// A part of a page in a test: with the session, the queries and the links that it has in the app.
import { QueryClientProvider } from "@tanstack/react-query";
import {
  createMemoryHistory,
  createRootRoute,
  createRoute,
  createRouter,
  RouterProvider,
} from "@tanstack/react-router";
import { act, render } from "@testing-library/react";
import type { ReactNode } from "react";
import type { Schema } from "@/api/client";
import { rememberCsrfToken } from "@/api/client";
import { queryClient } from "@/api/queries";
import { sessionQuery } from "@/identity/session";
import { ToastProvider } from "@/kit/toast";
import { type Answers, serve, session } from "@/vitest.app";
import type { RevisionDocument } from "./document";

export const deployment = (change: Partial<Schema<"Deployment">> = {}): Schema<"Deployment"> => ({
  id: "dep_1",
  name: "my-digits",
  description: "",
  state: "healthy",
  environment: "development",
  target: "local",
  target_id: "tgt_1",
  model: "digits",
  model_id: "mdl_1",
  version_id: "mdv_1",
  version_number: 3,
  version_digest: "abc",
  engine: "onnxruntime",
  interface: "custom",
  replicas_desired: 1,
  replicas_ready: 1,
  revision: 2,
  visibility: "organization",
  created_by: "usr_1",
  row_version: 1,
  created_at: "2026-01-01T00:00:00Z",
  updated_at: "2026-01-01T00:00:00Z",
  ...change,
});

export const revisionDocument = (change: Partial<RevisionDocument> = {}): RevisionDocument => ({
  spec_version: 1,
  version: {
    model_id: "mdl_1",
    model_name: "digits",
    version_id: "mdv_1",
    number: 3,
    digest: "abc",
    interface: "custom",
  },
  replicas: 2,
  engine: "onnxruntime",
  flags: {},
  engine_model: "digits",
  model_file: "digits.onnx",
  cpus_max: 0,
  memory_bytes_max: 0,
  environment_variables: [],
  readiness: { path: "/v2/health/ready", period_ms: 500, timeout_ms: 2000, failures_max: 3 },
  liveness: { path: "/v2/health/live", period_ms: 5000, timeout_ms: 2000, failures_max: 1 },
  startup_ms_max: 120_000,
  limits: { timeout_ms: 300_000, concurrency_max: 64, queue_max: 256, queue_wait_ms_max: 30_000 },
  runtime: { type: "process", command: ["{modelops}", "runtime"], port: 0, stop_grace_ms: 10_000, restarts_max: 5 },
  ...change,
});

/** Shows a part to somebody with these permissions, over a server that the test describes. */
export async function renderPart(part: ReactNode, permissions: readonly string[], answers: Answers = {}) {
  queryClient.clear();
  rememberCsrfToken("csrf");
  const caller = { ...session, permissions: [...permissions] };
  queryClient.setQueryData(sessionQuery.queryKey, caller);
  const asked = serve({ "GET /api/v1/session": caller, ...answers });
  const root = createRootRoute();
  const page = createRoute({ getParentRoute: () => root, path: "/", component: () => part });
  const router = createRouter({
    routeTree: root.addChildren([page]),
    history: createMemoryHistory({ initialEntries: ["/"] }),
  });
  const view = render(
    <QueryClientProvider client={queryClient}>
      <ToastProvider>
        <RouterProvider router={router} />
      </ToastProvider>
    </QueryClientProvider>,
  );
  await act(() => router.load());
  return { ...view, asked };
}
