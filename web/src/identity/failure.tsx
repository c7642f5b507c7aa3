import { useQuery } from "@tanstack/react-query";
import { problemOf } from "@/api/problem";
import { $api } from "@/api/queries";
import { ErrorState } from "@/kit/states";
import { useSession } from "./session";

/** Whether the pattern of a role ("models:*", "*:read", "*") gives the permission. */
export function covers(pattern: string, permission: string): boolean {
  if (pattern === "*" || pattern === permission) return true;
  const [noun, verb] = pattern.split(":");
  const [wanted_noun, wanted_verb] = permission.split(":");
  return (noun === "*" || noun === wanted_noun) && (verb === "*" || verb === wanted_verb);
}

type FailureProps = {
  error: unknown;
  /** What could not be done: "The models could not be loaded". */
  title?: string;
  /** What was looked for, when there is none: "model". */
  what?: string;
  onRetry?: () => void;
};

/** Any failure of the API where the data would be; a refusal names the roles that have the permission. */
export function Failure({ error, ...rest }: FailureProps) {
  const { may } = useSession();
  const missing = problemOf(error).missing_permission;
  const roles = useQuery({
    ...$api.queryOptions("get", "/api/v1/roles"),
    enabled: missing !== undefined && may("roles:read"),
  });
  const rolesWith = (permission: string) =>
    (roles.data?.items ?? [])
      .filter((role) => role.permissions.some((pattern) => covers(pattern, permission)))
      .map((role) => role.name);
  return <ErrorState error={error} rolesWith={rolesWith} {...rest} />;
}
