/** A moment as the API writes it (RFC 3339), or as JavaScript has it (a Date or milliseconds). */
export type Moment = string | number | Date;

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });

/** 12,345 */
export const count = (n: number) => whole.format(n);

/** 12.3K */
export const compact = (n: number) => short.format(n);

/** "1 model", "2,400 models" */
export const plural = (n: number, one: string, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

const byteUnits = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

/** "0 B", "812 B", "1.4 MiB", "15 GiB" */
export function bytes(n: number) {
  let unit = 0;
  let value = n;
  // 1023.95 and above would read as 1024
  while (value >= 1023.95 && unit < byteUnits.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : Number(value.toFixed(1))} ${byteUnits[unit]}`;
}

/** Milliseconds as "340 ms", "4.2 s", "3 min 20 s", "2 h 5 min", "3 d 4 h" */
export function duration(ms: number) {
  if (ms < 999.5) return `${ms < 10 && ms > 0 ? Number(ms.toFixed(1)) : Math.round(ms)} ms`;
  if (ms < 59_950) return `${Number((ms / 1000).toFixed(1))} s`;
  const seconds = Math.round(ms / 1000);
  const steps: [number, string, number, string][] = [
    [60, "min", 1, "s"],
    [3600, "h", 60, "min"],
    [86_400, "d", 3600, "h"],
  ];
  const [size, unit, small, smallUnit] = steps[seconds < 3600 ? 0 : seconds < 86_400 ? 1 : 2]!;
  const rest = Math.floor((seconds % size) / small);
  return `${count(Math.floor(seconds / size))} ${unit}${rest ? ` ${rest} ${smallUnit}` : ""}`;
}

/** A fraction as "99.95%"; never rounds up to 100 or down to 0 what is neither. */
export function percent(fraction: number, digits = 1) {
  const text = (fraction * 100).toFixed(digits);
  const step = 1 / 10 ** digits;
  if (fraction < 1 && Number(text) >= 100) return `>${(100 - step).toFixed(digits)}%`;
  if (fraction > 0 && Number(text) === 0) return `<${step.toFixed(digits)}%`;
  return `${Number(text)}%`;
}

const toMs = (moment: Moment) => new Date(moment).getTime();

/** "just now", "12s ago", "3m ago", "5h ago", "2d ago", and "in 3m" for what is to come */
export function ago(moment: Moment, now = Date.now()) {
  const seconds = Math.round((now - toMs(moment)) / 1000);
  const size = Math.abs(seconds);
  if (size < 5) return "just now";
  const [n, unit] =
    size < 60
      ? [size, "s"]
      : size < 3600
        ? [Math.floor(size / 60), "m"]
        : size < 86_400
          ? [Math.floor(size / 3600), "h"]
          : size < 365 * 86_400
            ? [Math.floor(size / 86_400), "d"]
            : [Math.floor(size / (365 * 86_400)), "y"];
  return seconds < 0 ? `in ${n}${unit}` : `${n}${unit} ago`;
}

const absolute = new Intl.DateTimeFormat("en-US", {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
  timeZoneName: "short",
});

/** "Nov 25, 2026, 22:26:01 GMT+1": in the viewer's own time zone, and it says which */
export const dateTime = (moment: Moment) => absolute.format(toMs(moment));

const clockFormat = new Intl.DateTimeFormat("en-US", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});

/** "22:26:01" in the viewer's time zone */
export const clock = (moment: Moment) => clockFormat.format(toMs(moment));

/** "22:26:01.250" in the viewer's time zone */
export const clockMs = (moment: Moment) => `${clock(moment)}.${String(toMs(moment) % 1000).padStart(3, "0")}`;
