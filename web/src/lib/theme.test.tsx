import { act, renderHook } from "@testing-library/react";
import { expect, test } from "vitest";
import { setTheme, startTheme, useTheme, useThemeChoice } from "@/lib/theme";

test("a choice is in effect, shown and remembered; the system decides without one", () => {
  startTheme();
  const theme = renderHook(useTheme);
  const choice = renderHook(useThemeChoice);
  act(() => setTheme("dark"));
  expect(document.documentElement.dataset.theme).toBe("dark");
  expect(theme.result.current).toBe("dark");
  expect(localStorage.getItem("theme")).toBe("dark");
  act(() => setTheme("system"));
  expect(choice.result.current).toBe("system");
  expect(theme.result.current).toBe("light");
});
