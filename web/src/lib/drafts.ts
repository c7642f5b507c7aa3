import { useEffect, useRef, useState } from "react";
import type { FieldValues, Path, UseFormReturn } from "react-hook-form";

/** Whose draft of what. Raise `version` when the form's shape changes: an older draft is then dropped. */
export type DraftKey = { user: string; name: string; version: number };

const keepMs = 30 * 24 * 3600 * 1000;
const storageKey = (key: DraftKey) => `draft:${key.user}:${key.name}`;

type Stored = { version: number; savedAt: number; values: unknown };

export function loadDraft<T>(key: DraftKey, now = Date.now()): { values: T; savedAt: number } | null {
  try {
    const stored = JSON.parse(localStorage.getItem(storageKey(key)) ?? "null") as Stored | null;
    if (stored === null) return null;
    if (stored.version === key.version && now - stored.savedAt < keepMs)
      return { values: stored.values as T, savedAt: stored.savedAt };
    localStorage.removeItem(storageKey(key));
  } catch {
    // storage is closed to us, or holds what another program wrote: there is no draft
  }
  return null;
}

/** Returns false where the device keeps nothing (private mode, full). */
export function saveDraft(key: DraftKey, values: unknown, now = Date.now()) {
  try {
    localStorage.setItem(
      storageKey(key),
      JSON.stringify({ version: key.version, savedAt: now, values } satisfies Stored),
    );
    return true;
  } catch {
    return false;
  }
}

export function discardDraft(key: DraftKey) {
  try {
    localStorage.removeItem(storageKey(key));
  } catch {
    // nothing was kept
  }
}

export type Draft = {
  /** When the values were last kept on this device; null while there is nothing to keep. */
  savedAt: number | null;
  /** The form began with a draft from an earlier visit. */
  restored: boolean;
  /** Forgets the draft and empties the form. */
  discard: () => void;
  /** Forgets the draft, which has become real, and leaves the form as it is. */
  finish: () => void;
};

/**
 * Keeps the values of a form on this device, so that they survive a reload. `secret` names the fields that must not be
 * kept. Files cannot be kept: name their fields too.
 */
export function useFormDraft<T extends FieldValues>(
  form: UseFormReturn<T>,
  key: DraftKey,
  { secret = [] }: { secret?: Path<T>[] } = {},
): Draft {
  // While the form is first rendered, so that nothing ever sees it without the draft.
  const [found] = useState(() => {
    const draft = loadDraft<Partial<T>>(key);
    if (draft) form.reset({ ...form.getValues(), ...draft.values }, { keepDefaultValues: true });
    return draft;
  });
  const [savedAt, setSavedAt] = useState(found?.savedAt ?? null);
  const [restored, setRestored] = useState(found !== null);
  const finished = useRef(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const latest = useRef({ key, secret });
  latest.current = { key, secret };

  useEffect(() => {
    const save = () => {
      clearTimeout(timer.current);
      timer.current = undefined;
      if (finished.current) return;
      const values: Record<string, unknown> = { ...form.getValues() };
      for (const name of latest.current.secret) delete values[name];
      if (!saveDraft(latest.current.key, values)) return;
      setSavedAt(Date.now());
      setRestored(false);
    };
    const unsubscribe = form.subscribe({
      formState: { values: true },
      callback: ({ name }) => {
        if (name === undefined) return; // a reset, not a change by the person
        clearTimeout(timer.current);
        timer.current = setTimeout(save, 300);
      },
    });
    const flush = () => timer.current !== undefined && save();
    window.addEventListener("pagehide", flush);
    return () => {
      flush();
      window.removeEventListener("pagehide", flush);
      unsubscribe();
    };
  }, [form]);

  const forget = () => {
    clearTimeout(timer.current);
    timer.current = undefined;
    discardDraft(latest.current.key);
    setSavedAt(null);
    setRestored(false);
  };
  return {
    savedAt,
    restored,
    discard: () => {
      form.reset();
      forget();
    },
    finish: () => {
      finished.current = true;
      forget();
    },
  };
}
