import type { Schema } from "@/api/client";

export type EngineFlag = Schema<"EngineFlag">;

/** What is wrong with a flag's text, if anything; empty leaves it to the engine. */
export function wrongFlag(flag: EngineFlag, text: string): string | undefined {
  if (text === "") return undefined;
  if (flag.type !== "integer" && flag.type !== "number") return undefined;
  const value = Number(text);
  if (!Number.isFinite(value)) return "Write a number.";
  if (flag.type === "integer" && !Number.isInteger(value)) return "Write a whole number.";
  if (flag.min !== undefined && value < flag.min) return `At least ${flag.min}.`;
  if (flag.max !== undefined && value > flag.max) return `At most ${flag.max}.`;
  return undefined;
}

/** The flags as the API takes them, from the texts of the form. */
export function flagsOf(
  flags: readonly EngineFlag[],
  texts: Readonly<Record<string, string>>,
): Record<string, string | number | boolean> {
  const out: Record<string, string | number | boolean> = {};
  for (const flag of flags) {
    const text = texts[flag.name] ?? "";
    if (text === "") continue;
    out[flag.name] =
      flag.type === "integer" || flag.type === "number"
        ? Number(text)
        : flag.type === "boolean"
          ? text === "true"
          : text;
  }
  return out;
}
