import { useState } from "react";

/** State that this device remembers under `key`. `parse` returns undefined for what it does not accept. */
export function useStored<T>(key: string, initial: T, parse: (stored: unknown) => T | undefined) {
  const [value, setValue] = useState<T>(() => {
    try {
      const stored = localStorage.getItem(key);
      return stored === null ? initial : (parse(JSON.parse(stored)) ?? initial);
    } catch {
      return initial;
    }
  });
  const store = (next: T) => {
    setValue(next);
    try {
      localStorage.setItem(key, JSON.stringify(next));
    } catch {
      // it lasts until the page is left
    }
  };
  return [value, store] as const;
}
