import { Link } from "@tanstack/react-router";
import { ScrollText } from "lucide-react";
import { buttonClass } from "@/kit/button";
import { objectLink } from "@/shell/object-link";

/** A tab of a deployment's page; nothing while deployments have none. */
export function tabLink(deployment: { name: string }, tab: string, request?: string): ReturnType<typeof objectLink> {
  const page = objectLink("deployment", deployment.name);
  return page && { ...page, search: { tab, ...(request && { request }) } };
}

/** To where a call's time went. */
export function RequestLink({ deployment, id }: { deployment: { name: string }; id: string | null | undefined }) {
  const link = id ? tabLink(deployment, "requests", id) : undefined;
  return link ? (
    <Link {...link} className="text-xs text-fg-2 underline hover:text-fg">
      Where the time went
    </Link>
  ) : null;
}

/** To the tab of its log. */
export function LogsLink({ deployment }: { deployment: { name: string } }) {
  const link = tabLink(deployment, "logs");
  if (!link) return null;
  return (
    <Link {...link} className={buttonClass("secondary", "sm")}>
      <ScrollText aria-hidden className="size-3.5" />
      Open logs
    </Link>
  );
}
