import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";
import type { Schema } from "@/api/client";
import { $api } from "@/api/queries";
import { useSession } from "./session";

export type Member = Schema<"Member">;
export type Team = Schema<"Team">;
export type Role = Schema<"Role">;
export type ServiceAccount = Schema<"ServiceAccount">;
export type ApiKey = Schema<"ApiKey">;

export const useRoles = () => $api.useQuery("get", "/api/v1/roles");
export const useTeams = () => $api.useQuery("get", "/api/v1/teams");
export const useServiceAccounts = (enabled = true) => $api.useQuery("get", "/api/v1/service-accounts", {}, { enabled });
export const useApiKeys = () => $api.useQuery("get", "/api/v1/api-keys");

/** Names for ids of people; those beyond the first thousand keep their ids. */
export function useMemberNames(): (id: string) => string {
  const { data } = $api.useQuery("get", "/api/v1/members", { params: { query: { page_size: 1000 } } });
  return useMemo(() => {
    const names = new Map(data?.items.map((member) => [member.id, member.display_name || member.email]));
    return (id) => names.get(id) ?? id;
  }, [data]);
}

/** Who did something: "You", or a name. */
export function useWho(): (id: string) => string {
  const { actor_id } = useSession();
  const nameOf = useMemberNames();
  return useCallback((id) => (id === actor_id ? "You" : nameOf(id)), [actor_id, nameOf]);
}

type ReadPath = "/api/v1/members" | "/api/v1/teams" | "/api/v1/roles" | "/api/v1/service-accounts" | "/api/v1/api-keys";

/** Reads these lists again after a change of one's own: there are no events about them. */
export function useReread(...paths: ReadPath[]): () => Promise<void> {
  const client = useQueryClient();
  return () =>
    client.invalidateQueries({
      predicate: ({ queryKey: [verb, path] }) =>
        verb === "get" && paths.some((begin) => String(path).startsWith(begin)),
    });
}
