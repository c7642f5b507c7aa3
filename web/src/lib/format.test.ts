import { expect, test } from "vitest";
import { ago, bytes, duration, percent, plural } from "@/lib/format";

test.each([
  [0, "0 B"],
  [812, "812 B"],
  [1023, "1023 B"],
  [1024, "1 KiB"],
  [1_048_575, "1 MiB"],
  [1_468_006, "1.4 MiB"],
  [16_106_127_360, "15 GiB"],
  [127 * 1024 ** 3, "127 GiB"],
])("%d bytes", (n, text) => expect(bytes(n)).toBe(text));

test.each([
  [0, "0 ms"],
  [4.25, "4.3 ms"],
  [340, "340 ms"],
  [999.7, "1 s"],
  [4200, "4.2 s"],
  [59_970, "1 min"],
  [200_000, "3 min 20 s"],
  [7_500_000, "2 h 5 min"],
  [86_400_000 * 3 + 4 * 3_600_000, "3 d 4 h"],
])("%d milliseconds", (ms, text) => expect(duration(ms)).toBe(text));

test("a percentage never claims all or nothing that is not", () => {
  expect(percent(0.5)).toBe("50%");
  expect(percent(0.99996, 2)).toBe(">99.99%");
  expect(percent(0.00001)).toBe("<0.1%");
  expect(percent(1)).toBe("100%");
  expect(percent(0)).toBe("0%");
});

test("relative times", () => {
  const now = Date.UTC(2026, 10, 25, 12);
  const back = (seconds: number) => ago(now - seconds * 1000, now);
  expect(back(2)).toBe("just now");
  expect(back(42)).toBe("42s ago");
  expect(back(119)).toBe("1m ago");
  expect(back(86_399)).toBe("23h ago");
  expect(back(86_400 * 400)).toBe("1y ago");
  expect(back(-180)).toBe("in 3m");
  expect(ago("2026-11-25T11:00:00Z", now)).toBe("1h ago");
});

test("plurals", () => {
  expect(plural(1, "model")).toBe("1 model");
  expect(plural(2400, "model")).toBe("2,400 models");
  expect(plural(0, "policy", "policies")).toBe("0 policies");
});
