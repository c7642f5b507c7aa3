import { Menu } from "@base-ui/react/menu";
import { Link } from "@tanstack/react-router";
import { Keyboard, LogOut, UserRound } from "lucide-react";
import { useSession } from "@/identity/session";
import { useSignOut } from "@/identity/use-sign-out";
import { Kbd } from "@/kit/kbd";
import { itemClass, popupClass } from "@/kit/popup";
import { cx } from "@/lib/cx";
import { accountClass, initials } from "./account";
import type { Early } from "./popup-button";

export default function AccountMenu({ onShortcuts, early }: { onShortcuts: () => void; early: Early }) {
  const session = useSession();
  const leave = useSignOut();
  return (
    <Menu.Root defaultOpen={early.pressed}>
      <Menu.Trigger autoFocus={early.focused} className={accountClass}>
        <span aria-hidden>{initials(session.name)}</span>
        <span className="sr-only">Account of {session.name}</span>
      </Menu.Trigger>
      <Menu.Portal>
        <Menu.Positioner sideOffset={6} align="end" className="z-50 outline-none">
          <Menu.Popup className={cx(popupClass, "min-w-56")}>
            <Menu.Group>
              <Menu.GroupLabel className="grid px-2 py-1.5">
                <span className="font-medium">{session.name}</span>
                <span className="text-xs text-fg-3">
                  {session.role} of {session.organization}
                </span>
              </Menu.GroupLabel>
            </Menu.Group>
            <Menu.Separator className="my-1 h-px bg-line" />
            <Menu.Item className={itemClass} render={<Link to="/modelops/profile" />}>
              <UserRound aria-hidden className="size-4 text-fg-3" />
              Profile
            </Menu.Item>
            <Menu.Item className={itemClass} onClick={onShortcuts}>
              <Keyboard aria-hidden className="size-4 text-fg-3" />
              Keyboard shortcuts
              <Kbd keys="?" className="ml-auto" />
            </Menu.Item>
            <Menu.Item className={itemClass} onClick={() => leave.mutate()} disabled={leave.isPending}>
              <LogOut aria-hidden className="size-4 text-fg-3" />
              Sign out
            </Menu.Item>
          </Menu.Popup>
        </Menu.Positioner>
      </Menu.Portal>
    </Menu.Root>
  );
}
