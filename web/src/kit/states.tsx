import { CircleX, CloudOff, FileQuestion, Inbox, Lock, type LucideIcon, SearchX } from "lucide-react";
import type { ReactNode } from "react";
import { Button } from "@/kit/button";
import { CopyText } from "@/kit/copy-text";
import { toProblem } from "@/kit/problem";
import { SkeletonText } from "@/kit/skeleton";
import { cx } from "@/lib/cx";

// What stands where data would be, when there is none.

type PlaceProps = {
  icon: LucideIcon;
  title: ReactNode;
  children?: ReactNode;
  action?: ReactNode;
  tone?: "bad";
  role?: "alert";
};

function Place({ icon: Icon, title, children, action, tone, role }: PlaceProps) {
  return (
    <div role={role} className="grid justify-items-center px-6 py-14 text-center">
      <Icon aria-hidden strokeWidth={1.5} className={cx("size-6", tone === "bad" ? "text-bad-fg" : "text-fg-3")} />
      <p className="mt-3 font-medium">{title}</p>
      {children && <div className="mt-1 max-w-prose text-fg-2 wrap-anywhere">{children}</div>}
      {action && <div className="mt-4 flex flex-wrap justify-center gap-2">{action}</div>}
    </div>
  );
}

type EmptyProps = { icon?: LucideIcon; title: ReactNode; children?: ReactNode; action?: ReactNode };

/** Nothing is here yet: says what would be, and offers the verb. */
export function Empty({ icon = Inbox, title, children, action }: EmptyProps) {
  return (
    <Place icon={icon} title={title} action={action}>
      {children}
    </Place>
  );
}

/** Filters leave nothing over. */
export function NoMatch({ what, onClear }: { what: string; onClear: () => void }) {
  return (
    <Place
      icon={SearchX}
      title={`No ${what} matches these filters`}
      action={<Button onClick={onClear}>Clear all</Button>}
    >
      Try a shorter word, or clear the filters.
    </Place>
  );
}

/** Where the shape of what loads is not known beforehand; elsewhere skeletons in the final shape. */
export function Loading({ label = "Loading", lines = 4 }: { label?: string; lines?: number }) {
  return (
    <div className="p-6">
      <span role="status" className="sr-only">
        {label}
      </span>
      <SkeletonText lines={lines} />
    </div>
  );
}

type ForbiddenProps = {
  /** "models:write" */
  permission?: string;
  /** Names of the roles that have it. */
  roles?: readonly string[];
  children?: ReactNode;
};

export function Forbidden({ permission, roles = [], children }: ForbiddenProps) {
  const named =
    roles.length > 0 ? new Intl.ListFormat("en", { type: "disjunction" }).format(roles) : "a role that has it";
  return (
    <Place icon={Lock} title="You may not see this">
      {permission === undefined ? (
        children
      ) : (
        <>
          It needs the permission <code className="font-mono text-xs text-fg">{permission}</code>. Ask an administrator
          for {named}.
        </>
      )}
    </Place>
  );
}

export function NotFound({ what = "page", action }: { what?: string; action?: ReactNode }) {
  return (
    <Place icon={FileQuestion} title={`There is no such ${what}`} action={action}>
      It may have been deleted or renamed, or you may not see it.
    </Place>
  );
}

export function Offline({ onRetry }: { onRetry?: () => void }) {
  return (
    <Place
      icon={CloudOff}
      role="alert"
      title="The server cannot be reached"
      action={onRetry && <Button onClick={onRetry}>Retry</Button>}
    >
      Check that it runs and that you are connected. What you were doing is kept.
    </Place>
  );
}

/** The permission that a refusal names: "This needs the permission models:write. …" */
const permissionOf = (cause: string) => /permission ([a-z_]+:[a-z_*]+)/.exec(cause)?.[1];

type ErrorStateProps = {
  error: unknown;
  /** What could not be done: "The models could not be loaded". */
  title?: string;
  /** What was looked for, when there is none: "model". */
  what?: string;
  onRetry?: () => void;
  /** For a refusal: the roles that have the permission. */
  rolesWith?: (permission: string) => readonly string[];
};

/** Any failure where the data would be: refused, not there, no connection, or an error with its cause. */
export function ErrorState({ error, title, what, onRetry, rolesWith }: ErrorStateProps) {
  const { cause, status, request_id } = toProblem(error);
  if (status === 0) return <Offline onRetry={onRetry} />;
  if (status === 404) return <NotFound what={what} />;
  if (status === 403) {
    const permission = permissionOf(cause);
    return (
      <Forbidden permission={permission} roles={permission && rolesWith ? rolesWith(permission) : []}>
        {cause}
      </Forbidden>
    );
  }
  return (
    <Place
      icon={CircleX}
      tone="bad"
      role="alert"
      title={title ?? cause}
      action={onRetry && <Button onClick={onRetry}>Retry</Button>}
    >
      {title !== undefined && <p>{cause}</p>}
      {request_id && (
        <p className="mt-2 text-xs text-fg-3">
          Request <CopyText text={request_id} />
        </p>
      )}
    </Place>
  );
}
