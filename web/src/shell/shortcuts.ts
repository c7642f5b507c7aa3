import { actions, allowed, destinations } from "./navigation";

export type Shortcut = { keys: readonly string[]; label: string };
export type ShortcutGroup = { name: string; shortcuts: Shortcut[] };

/** Everything that the `?` sheet lists. */
export function shortcutGroups(may: (permission: string) => boolean): ShortcutGroup[] {
  const rows = (list: readonly { label: string; keys?: string; permission?: string }[]) =>
    allowed(list, may).flatMap(({ label, keys }) => (keys ? [{ keys: [keys], label }] : []));
  return [
    {
      name: "Everywhere",
      shortcuts: [
        { keys: ["mod+k"], label: "Search or jump to" },
        { keys: ["T"], label: "Change between the light and the dark theme" },
        { keys: ["?"], label: "Show these shortcuts" },
        { keys: ["Esc"], label: "Close what is open" },
      ],
    },
    { name: "Go to", shortcuts: rows(destinations) },
    { name: "Begin", shortcuts: rows(actions) },
    {
      name: "In a list",
      shortcuts: [
        { keys: ["/"], label: "Filter" },
        { keys: ["j", "k"], label: "Next and previous row" },
        { keys: ["Enter"], label: "Open the row" },
      ],
    },
  ].filter((group) => group.shortcuts.length > 0);
}
