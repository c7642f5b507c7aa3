import { useEffect, useRef } from "react";

type Handler = (event: KeyboardEvent) => void;

/** How long the second key of a chord ("g d") may take. */
const chordMs = 1500;

// One listener for the page: a chord that one component has begun is not a single key for another.
const bindings = new Map<string, Handler[]>();
let pending = "";
let pendingSince = 0;

function onKeyDown(event: KeyboardEvent) {
  if (event.defaultPrevented || event.isComposing || event.altKey) return;
  const held = event.metaKey || event.ctrlKey;
  if (!held && isTaken(event)) return;
  if (["Shift", "Control", "Meta", "Alt"].includes(event.key)) return;
  const key = held ? `mod+${event.key.toLowerCase()}` : event.key;
  const keys = pending && event.timeStamp - pendingSince < chordMs ? `${pending} ${key}` : key;
  const handler = bindings.get(keys)?.at(-1);
  pending = "";
  if (handler) {
    event.preventDefault();
    handler(event);
  } else if ([...bindings.keys()].some((other) => other.startsWith(`${keys} `))) {
    pending = keys;
    pendingSince = event.timeStamp;
  }
}

/** Keys typed into a field, a dialog or a menu belong to it. */
function isTaken(event: KeyboardEvent) {
  const target = event.composedPath()[0];
  if (!(target instanceof Element)) return false;
  if (target.matches("input, textarea, select") || (target as HTMLElement).isContentEditable) return true;
  return target.closest("[role=dialog], [role=alertdialog], [role=menu], [role=listbox]") !== null;
}

/**
 * Binds keys to actions while the component is mounted: "/", "?", "N", the chord "g d", and "mod+k" for Cmd or Ctrl.
 * Of two bindings of the same keys the one that came last is in force. Keys without "mod" are left alone in fields,
 * dialogs and menus.
 */
export function useShortcuts(shortcuts: Record<string, Handler>, enabled = true) {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  const names = Object.keys(shortcuts).join("\n");
  useEffect(() => {
    if (!enabled) return;
    const mine = names.split("\n").map((keys) => {
      const handler: Handler = (event) => latest.current[keys]?.(event);
      bindings.set(keys, [...(bindings.get(keys) ?? []), handler]);
      return [keys, handler] as const;
    });
    window.addEventListener("keydown", onKeyDown);
    return () => {
      for (const [keys, handler] of mine) {
        const rest = (bindings.get(keys) ?? []).filter((other) => other !== handler);
        if (rest.length > 0) bindings.set(keys, rest);
        else bindings.delete(keys);
      }
      if (bindings.size === 0) window.removeEventListener("keydown", onKeyDown);
    };
  }, [names, enabled]);
}

const isMac = () => /Mac|iPhone|iPad/.test(navigator.userAgent);

/** The keys of a shortcut as they are shown: "mod+k" is ⌘ K or Ctrl K, "g d" is G D. */
export const shownKeys = (keys: string) =>
  keys
    .split(" ")
    .flatMap((key) => key.split(/(?<=.)\+/))
    .map((key) => (key === "mod" ? (isMac() ? "⌘" : "Ctrl") : key.length === 1 ? key.toUpperCase() : key));
