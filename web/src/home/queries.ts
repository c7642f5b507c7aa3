import { and, eq, ne, oneOf } from "@/api/filter";
import { $api } from "@/api/queries";
import { useSession } from "@/identity/session";
import { plural } from "@/lib/format";
import { pollWhileRunning, running } from "@/shell/operations";
import { attentionOf, mayDecide } from "./attention";

const shown_max = 50;

/** What needs a person: the failed and degraded deployments, the approvals they may decide, the lost targets. */
export function useAttention() {
  const { may, actor_id } = useSession();
  const deployments = $api.useQuery(
    "get",
    "/api/v1/deployments",
    { params: { query: { filter: oneOf("state", ["failed", "degraded"]), page_size: shown_max } } },
    { enabled: may("deployments:read") },
  );
  const organization = $api.useQuery("get", "/api/v1/organization", {}, { enabled: may("organization:read") });
  const self_approval = organization.data?.self_approval === true;
  const approvals = $api.useQuery(
    "get",
    "/api/v1/approvals",
    {
      params: {
        query: {
          filter: and(
            eq("state", "pending"),
            !self_approval && ne("author_id", actor_id),
            !self_approval && ne("requested_by", actor_id),
          ),
          page_size: shown_max,
        },
      },
    },
    { enabled: may("approvals:read") && may("approvals:decide") },
  );
  const targets = $api.useQuery(
    "get",
    "/api/v1/targets",
    { params: { query: { filter: eq("state", "offline"), page_size: shown_max } } },
    { enabled: may("targets:read") },
  );
  const queries = [deployments, approvals, targets];
  const failed = queries.find((query) => query.error && !query.data);
  return {
    items: attentionOf(
      deployments.data?.items ?? [],
      (approvals.data?.items ?? []).filter((approval) => mayDecide(approval, actor_id, self_approval)),
      targets.data?.items ?? [],
    ),
    pending: queries.some((query) => query.isLoading),
    error: failed?.error,
    retry: () => void Promise.all(queries.map((query) => query.error && query.refetch())),
  };
}

/** The long work that runs in the organization. */
export function useRunning() {
  const { may } = useSession();
  return $api.useQuery(
    "get",
    "/api/v1/operations",
    { params: { query: { filter: running, page_size: 20 } } },
    {
      enabled: may("operations:read"),
      refetchInterval: ({ state }) => pollWhileRunning(state.data?.items),
    },
  );
}

const excerpt = 8;

export function useRecentDeployments() {
  const { may } = useSession();
  return $api.useQuery(
    "get",
    "/api/v1/deployments",
    { params: { query: { order_by: "updated_at desc", page_size: excerpt } } },
    { enabled: may("deployments:read") },
  );
}

const counted_max = 100;

/** How many there are, as far as it is counted: "3 models", "100+ models". */
export function counted(page: { items: unknown[]; next_page_token?: string } | undefined, noun: string) {
  if (!page) return undefined;
  if (page.next_page_token) return `${page.items.length}+ ${noun}s`;
  return plural(page.items.length, noun);
}

export function useCounts() {
  const { may } = useSession();
  const all = { params: { query: { page_size: counted_max } } };
  const deployments = $api.useQuery("get", "/api/v1/deployments", all, { enabled: may("deployments:read") });
  const models = $api.useQuery("get", "/api/v1/models", all, { enabled: may("models:read") });
  const targets = $api.useQuery("get", "/api/v1/targets", all, { enabled: may("targets:read") });
  const parts = [
    counted(deployments.data, "deployment"),
    counted(models.data, "model"),
    counted(targets.data, "target"),
  ].filter((part) => part !== undefined);
  return {
    text: parts.join(", "),
    /** Nothing is registered yet. */
    is_first_run: models.data?.items.length === 0 && deployments.data?.items.length === 0,
  };
}
