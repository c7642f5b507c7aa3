import type { ReactNode } from "react";
import { Problem } from "@/api/problem";
import { Page } from "@/kit/page";
import { Failure } from "./failure";
import { useSession } from "./session";

type NeedsProps = { permission: string; title: string; children: ReactNode };

/** A page for whom has the permission; others read which one is missing and which roles have it. */
export function Needs({ permission, title, children }: NeedsProps) {
  const { may } = useSession();
  if (may(permission)) return children;
  return (
    <Page title={title}>
      <Failure error={new Problem(403, { detail: `This needs the permission ${permission}.` })} />
    </Page>
  );
}
