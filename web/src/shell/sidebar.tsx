import { Link, useRouterState } from "@tanstack/react-router";
import { Search } from "lucide-react";
import { useSession } from "@/identity/session";
import { Kbd } from "@/kit/kbd";
import { cx } from "@/lib/cx";
import { Brand } from "./brand";
import { allowed, destinations, groups, isCurrent } from "./navigation";

type SidebarProps = { collapsed?: boolean; onSearch: () => void; onNavigate?: () => void };

export function Sidebar({ collapsed = false, onSearch, onNavigate }: SidebarProps) {
  const session = useSession();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const rows = allowed(destinations, session.may);
  return (
    <>
      <div className="grid gap-2 p-2">
        <div className="flex items-center gap-2.5 p-1.5">
          <Brand />
          <span className={cx("min-w-0 flex-1 leading-4", collapsed && "sr-only")}>
            <span className="block truncate text-sm font-medium">{session.organization}</span>
            <span className="block truncate text-xs text-fg-3">ModelOps</span>
          </span>
        </div>
        <button
          type="button"
          onClick={onSearch}
          title={collapsed ? "Search or jump to" : undefined}
          className={cx(
            "flex h-8 w-full items-center gap-2 rounded-md border border-line bg-surface px-2 text-fg-3 shadow-card",
            "hover:border-line-strong",
            collapsed && "justify-center",
          )}
        >
          <Search aria-hidden className="size-3.5 shrink-0" />
          <span className={cx(collapsed && "sr-only")}>Search or jump to</span>
          {!collapsed && <Kbd keys="mod+k" className="ml-auto" />}
        </button>
      </div>
      <nav aria-label="ModelOps" className="min-h-0 flex-1 overflow-y-auto px-2 pb-3">
        {groups.map((group) => {
          const items = rows.filter((row) => row.group === group);
          if (items.length === 0) return null;
          return (
            <div key={group} className="mt-3 first:mt-1">
              {group && !collapsed && <div className="eyebrow px-2 pb-1">{group}</div>}
              <ul className="grid gap-px" aria-label={group || undefined}>
                {items.map((item) => {
                  const current = isCurrent(item.link.to, path);
                  return (
                    <li key={item.link.to}>
                      <Link
                        {...item.link}
                        onClick={onNavigate}
                        aria-current={current ? "page" : undefined}
                        title={collapsed ? item.label : undefined}
                        className={cx(
                          "flex h-7.5 items-center gap-2.5 rounded-md px-2 text-fg-2 hover:bg-hover hover:text-fg",
                          current && "bg-hover font-medium text-fg",
                          collapsed && "justify-center",
                        )}
                      >
                        <item.icon
                          aria-hidden
                          strokeWidth={1.75}
                          className={cx("size-4 shrink-0", current ? "text-fg" : "text-fg-3")}
                        />
                        <span className={cx(collapsed && "sr-only")}>{item.label}</span>
                      </Link>
                    </li>
                  );
                })}
              </ul>
            </div>
          );
        })}
      </nav>
    </>
  );
}
