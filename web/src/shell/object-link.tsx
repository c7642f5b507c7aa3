import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { type ObjectKind, objectPages } from "./navigation";

type ObjectLinkProps = { kind: string; name: string; className?: string; children: ReactNode };

export const objectLink = (kind: string, name: string) => objectPages[kind as ObjectKind]?.(name);

/** A link to an object's page; only its text while objects of this kind have no page. */
export function ObjectLink({ kind, name, className, children }: ObjectLinkProps) {
  const link = objectLink(kind, name);
  if (!link) return <span className={className}>{children}</span>;
  return (
    <Link {...link} className={className}>
      {children}
    </Link>
  );
}
