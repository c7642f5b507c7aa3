import { Tooltip } from "@base-ui/react/tooltip";
import { Outlet, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useState } from "react";
import { feed } from "@/api/events";
import { useSession, useSessionExpired } from "@/identity/session";
import { useStored } from "@/kit/use-stored";
import { cx } from "@/lib/cx";
import { useShortcuts } from "@/lib/keyboard";
import { getTheme, setTheme } from "@/lib/theme";
import { actions, allowed, destinations } from "./navigation";
import { RouteAnnouncer } from "./route-announcer";
import { Sidebar } from "./sidebar";
import { TopBar } from "./top-bar";

const Palette = lazy(() => import("./palette"));
const Drawer = lazy(() => import("./drawer"));
const ShortcutSheet = lazy(() => import("./shortcut-sheet"));
const SignInAgain = lazy(() => import("@/identity/sign-in-again"));

type Open = "palette" | "drawer" | "shortcuts" | null;

/** What stands around every page. */
export function Shell() {
  const { may } = useSession();
  const expired = useSessionExpired();
  const navigate = useNavigate();
  const [open, setOpen] = useState<Open>(null);
  const [collapsed, setCollapsed] = useStored("sidebar-collapsed", false, (stored) => stored === true);
  const close = () => setOpen(null);

  const follows = may("events:read");
  useEffect(() => {
    if (follows) feed.start();
    return () => feed.stop();
  }, [follows]);

  const chords = [...allowed(destinations, may), ...allowed(actions, may)].flatMap(({ keys, link }) =>
    keys ? [[keys, () => void navigate(link)] as const] : [],
  );
  useShortcuts({
    ...Object.fromEntries(chords),
    "mod+k": () => setOpen((now) => (now === "palette" ? null : "palette")),
    "?": () => setOpen("shortcuts"),
    T: () => setTheme(getTheme() === "dark" ? "light" : "dark"),
  });

  return (
    <Tooltip.Provider delay={350}>
      <a
        href="#main"
        className="sr-only focus:not-sr-only focus:absolute focus:z-50 focus:m-2 focus:rounded-md focus:bg-ink focus:px-3 focus:py-1.5 focus:text-on-ink"
      >
        Skip to content
      </a>
      <div className="flex h-full">
        <aside
          className={cx("flex shrink-0 flex-col border-r border-line bg-bg max-lg:hidden", collapsed ? "w-14" : "w-58")}
        >
          <Sidebar collapsed={collapsed} onSearch={() => setOpen("palette")} />
        </aside>
        <div className="flex min-w-0 flex-1 flex-col">
          <TopBar
            collapsed={collapsed}
            onCollapse={() => setCollapsed(!collapsed)}
            onMenu={() => setOpen("drawer")}
            onShortcuts={() => setOpen("shortcuts")}
          />
          <main
            id="main"
            data-scroll-restoration-id="main"
            tabIndex={-1}
            className="min-h-0 flex-1 overflow-auto outline-none"
          >
            <Outlet />
          </main>
        </div>
      </div>
      <RouteAnnouncer />
      <Suspense>
        {open === "palette" && <Palette onClose={close} />}
        {open === "drawer" && <Drawer onClose={close} onSearch={() => setOpen("palette")} />}
        {open === "shortcuts" && <ShortcutSheet onClose={close} />}
        {expired && <SignInAgain />}
      </Suspense>
    </Tooltip.Provider>
  );
}
