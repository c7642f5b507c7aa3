import { Menu as MenuIcon, PanelLeft } from "lucide-react";
import { lazy, Suspense } from "react";
import { useSession } from "@/identity/session";
import { IconButton } from "@/kit/icon-button";
import { Breadcrumb } from "./breadcrumb";
import { LiveIndicator } from "./live-indicator";
import { ThemeSwitch } from "./theme-switch";

// What opens as a popup is not needed for the first sight of the page.
const JobTray = lazy(() => import("./job-tray"));
const AccountMenu = lazy(() => import("./account-menu"));

type TopBarProps = { collapsed: boolean; onCollapse: () => void; onMenu: () => void; onShortcuts: () => void };

export function TopBar({ collapsed, onCollapse, onMenu, onShortcuts }: TopBarProps) {
  const { may } = useSession();
  return (
    <header className="flex h-12 shrink-0 items-center gap-1.5 border-b border-line bg-bg px-3">
      <IconButton label="Open the menu" onClick={onMenu} className="lg:hidden">
        <MenuIcon aria-hidden className="size-4" strokeWidth={1.75} />
      </IconButton>
      <IconButton
        label={collapsed ? "Expand the sidebar" : "Collapse the sidebar"}
        onClick={onCollapse}
        className="max-lg:hidden"
      >
        <PanelLeft aria-hidden className="size-4" strokeWidth={1.75} />
      </IconButton>
      <Breadcrumb />
      <div className="ml-auto flex shrink-0 items-center gap-0.5">
        {may("events:read") && <LiveIndicator />}
        <Suspense fallback={<span className="size-8" />}>
          <JobTray />
        </Suspense>
        <ThemeSwitch />
        <Suspense fallback={<span className="ml-1.5 size-7 rounded-full bg-accent-tint" />}>
          <AccountMenu onShortcuts={onShortcuts} />
        </Suspense>
      </div>
    </header>
  );
}
