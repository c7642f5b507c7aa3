import { act, renderHook } from "@testing-library/react";
import { useForm } from "react-hook-form";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { discardDraft, loadDraft, saveDraft, useFormDraft } from "@/lib/drafts";

const key = { user: "usr_1", name: "register", version: 2 };

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const useDrafted = () => {
  const form = useForm({ defaultValues: { name: "", token: "" } });
  const draft = useFormDraft(form, key, { secret: ["token"] });
  return { form, draft };
};

test("a draft belongs to one person, one form and one version of it", () => {
  saveDraft(key, { name: "resnet" });
  expect(loadDraft(key)?.values).toEqual({ name: "resnet" });
  expect(loadDraft({ ...key, user: "usr_2" })).toBeNull();
  expect(loadDraft({ ...key, version: 3 })).toBeNull();
  expect(loadDraft(key)).toBeNull(); // the other version has dropped it
});

test("a draft ends after thirty days, and one that cannot be read is none", () => {
  saveDraft(key, {}, Date.now() - 31 * 86_400_000);
  expect(loadDraft(key)).toBeNull();
  localStorage.setItem("draft:usr_1:register", "{");
  expect(loadDraft(key)).toBeNull();
  discardDraft(key);
});

test("what is typed survives a reload, without the secret", () => {
  const first = renderHook(useDrafted);
  act(() => {
    first.result.current.form.setValue("name", "resnet", { shouldDirty: true });
    first.result.current.form.setValue("token", "hush", { shouldDirty: true });
  });
  act(() => void vi.advanceTimersByTime(300));
  expect(first.result.current.draft.savedAt).not.toBeNull();
  first.unmount();

  const second = renderHook(useDrafted);
  expect(second.result.current.draft.restored).toBe(true);
  expect(second.result.current.form.getValues()).toEqual({ name: "resnet", token: "" });
});

test("leaving at once still keeps the last change", () => {
  const { result, unmount } = renderHook(useDrafted);
  act(() => result.current.form.setValue("name", "resnet"));
  unmount();
  expect(loadDraft(key)?.values).toEqual({ name: "resnet" });
});

test("discarding empties the form and keeps nothing", () => {
  saveDraft(key, { name: "resnet" });
  const { result } = renderHook(useDrafted);
  act(() => result.current.form.setValue("name", "resnet-50"));
  act(() => result.current.draft.discard());
  act(() => void vi.advanceTimersByTime(1000));
  expect(result.current.form.getValues("name")).toBe("");
  expect(result.current.draft.savedAt).toBeNull();
  expect(loadDraft(key)).toBeNull();
});

test("a draft that has become real is gone, whatever comes after", () => {
  const { result } = renderHook(useDrafted);
  act(() => result.current.form.setValue("name", "resnet"));
  act(() => result.current.draft.finish());
  act(() => result.current.form.setValue("name", "resnet-50"));
  act(() => void vi.advanceTimersByTime(1000));
  expect(loadDraft(key)).toBeNull();
});
