import { CloudOff, type LucideIcon, Radio, RefreshCw } from "lucide-react";
import { type LiveState, useLiveState } from "@/api/events";
import { cx } from "@/lib/cx";
import { clock } from "@/lib/format";

type Shown = { icon: LucideIcon; text: (since: number) => string; tone: string; hint: string };

const shown: Record<LiveState["state"], Shown> = {
  live: { icon: Radio, text: () => "Live", tone: "text-ok-fg", hint: "Changes are shown as they happen." },
  connecting: {
    icon: RefreshCw,
    text: () => "Connecting",
    tone: "text-fg-2",
    hint: "Changes are shown as they happen once the connection is there.",
  },
  reconnecting: {
    icon: RefreshCw,
    text: () => "Reconnecting",
    tone: "text-run-fg",
    hint: "The connection to the server broke. What is missed meanwhile is caught up.",
  },
  stale: {
    icon: CloudOff,
    text: (since) => `Stale since ${clock(since)}`,
    tone: "text-warn-fg",
    hint: "Changes do not arrive. The page reads everything again every 15 seconds.",
  },
};

/** How fresh the page is. */
export function LiveIndicator() {
  const { state, since } = useLiveState();
  const { icon: Icon, text, tone, hint } = shown[state];
  return (
    <span
      role="status"
      aria-label="Freshness of this page"
      title={hint}
      className={cx("flex items-center gap-1.5 px-1.5 text-xs", tone)}
    >
      <Icon aria-hidden className={cx("size-3.5 shrink-0", Icon === RefreshCw && "spin")} strokeWidth={1.75} />
      <span className="whitespace-nowrap">{text(since)}</span>
    </span>
  );
}
