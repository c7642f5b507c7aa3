import { useSyncExternalStore } from "react";

export type Theme = "light" | "dark";
export type ThemeChoice = Theme | "system";

const key = "theme";
const subscribers = new Set<() => void>();
const system = () => matchMedia("(prefers-color-scheme: dark)");

const subscribe = (changed: () => void) => {
  subscribers.add(changed);
  return () => subscribers.delete(changed);
};

export const getTheme = (): Theme => (document.documentElement.dataset.theme === "dark" ? "dark" : "light");

function stored(): ThemeChoice {
  try {
    const value = localStorage.getItem(key);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system"; // storage is closed to us in some private modes
  }
}

let choice = stored();

/** Puts the stored choice into effect. Call it before the first paint; it follows the system from then on. */
export function startTheme() {
  apply();
  system().addEventListener("change", apply);
}

export function setTheme(chosen: ThemeChoice) {
  choice = chosen;
  try {
    localStorage.setItem(key, chosen);
  } catch {
    // it lasts until the page is left
  }
  apply();
}

function apply() {
  document.documentElement.dataset.theme = choice === "system" ? (system().matches ? "dark" : "light") : choice;
  for (const changed of subscribers) changed();
}

/** The theme in effect. */
export const useTheme = () => useSyncExternalStore(subscribe, getTheme);

/** The choice behind it, for the menu that changes it. */
export const useThemeChoice = () => useSyncExternalStore(subscribe, () => choice);

/** The value of a colour token ("--accent"), for what is painted on a canvas. */
export const cssVar = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
