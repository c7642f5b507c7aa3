import { ListTodo, Menu as MenuIcon, PanelLeft } from "lucide-react";
import { useSession } from "@/identity/session";
import { buttonClass } from "@/kit/button";
import { IconButton } from "@/kit/icon-button";
import { accountClass, initials } from "./account";
import { Breadcrumb } from "./breadcrumb";
import { LiveIndicator } from "./live-indicator";
import { PopupButton } from "./popup-button";
import { ThemeSwitch } from "./theme-switch";

const loadJobTray = () => import("./job-tray");
const loadAccountMenu = () => import("./account-menu");

type TopBarProps = { collapsed: boolean; onCollapse: () => void; onMenu: () => void; onShortcuts: () => void };

export function TopBar({ collapsed, onCollapse, onMenu, onShortcuts }: TopBarProps) {
  const { may, name } = useSession();
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
        <PopupButton load={loadJobTray} props={{}} className={buttonClass("ghost", "icon")}>
          <ListTodo aria-hidden className="size-4" strokeWidth={1.75} />
          <span className="sr-only">Your jobs</span>
        </PopupButton>
        <ThemeSwitch />
        <PopupButton load={loadAccountMenu} props={{ onShortcuts }} className={accountClass}>
          <span aria-hidden>{initials(name)}</span>
          <span className="sr-only">Account of {name}</span>
        </PopupButton>
      </div>
    </header>
  );
}
