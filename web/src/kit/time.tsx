import { useSyncExternalStore } from "react";
import { ago, dateTime, type Moment } from "@/lib/format";

// One clock for all relative times of the page. It stands still while nobody looks.
const everyMs = 10_000;
const subscribers = new Set<() => void>();
let now = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

function tick() {
  if (document.hidden) return;
  now = Date.now();
  for (const changed of subscribers) changed();
}

function subscribe(changed: () => void) {
  if (subscribers.size === 0) {
    now = Date.now();
    timer = setInterval(tick, everyMs);
    document.addEventListener("visibilitychange", tick);
  }
  subscribers.add(changed);
  return () => {
    subscribers.delete(changed);
    if (subscribers.size > 0) return;
    clearInterval(timer);
    document.removeEventListener("visibilitychange", tick);
  };
}

/** "3m ago", kept true; the moment itself is its title. */
export function Time({ value, className }: { value: Moment; className?: string }) {
  // What has just happened may be newer than the clock's last tick.
  const then = new Date(value).getTime();
  const text = useSyncExternalStore(subscribe, () => (Math.abs(then - now) < everyMs ? "just now" : ago(then, now)));
  return (
    <time dateTime={new Date(then).toISOString()} title={dateTime(then)} className={className}>
      {text}
    </time>
  );
}
