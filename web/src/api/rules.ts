// Checks of form fields as the server makes them: api/rules.json holds its limits, the words are ours.
import { z } from "zod";
import { count } from "@/lib/format";
import rules from "./rules.json";

type Rule = { pattern?: string; minLength?: number; maxLength?: number; minimum?: number; maximum?: number };
type Operation = keyof typeof rules;

/** The limits of one field of an operation's request: rule("create_deployment", "limits/timeout_ms"). */
export function rule<O extends Operation>(operation: O, field: keyof (typeof rules)[O] & string): Rule {
  return rules[operation][field] as Rule;
}

// The server's patterns, and what they mean to a person.
const meanings: [begins: string, meaning: string][] = [
  [
    "^[a-z0-9](?:[a-z0-9_-]",
    "Lower-case letters, digits, hyphens, underscores and single dots; a letter or digit at both ends.",
  ],
];

const meaningOf = (pattern: string) =>
  meanings.find(([begins]) => pattern.startsWith(begins))?.[1] ?? "This is not in the form that is needed.";

/** A text as the server takes it. `required` is what to say when it is empty; without it, empty means absent. */
export function text<O extends Operation>(
  operation: O,
  field: keyof (typeof rules)[O] & string,
  words: { required?: string; form?: string } = {},
) {
  const { pattern, minLength = 0, maxLength } = rule(operation, field);
  let made = z.string();
  if (words.required) made = made.min(1, words.required);
  if (maxLength !== undefined) made = made.max(maxLength, `At most ${count(maxLength)} characters.`);
  return made.superRefine((value, context) => {
    if (value === "") return;
    const fits = value.length >= minLength && (!pattern || new RegExp(pattern, "u").test(value));
    if (!fits) {
      const message = pattern ? (words.form ?? meaningOf(pattern)) : `At least ${count(minLength)} characters.`;
      context.addIssue({ code: "custom", message });
    }
  });
}

/** A whole number as the server takes it. */
export function integer<O extends Operation>(operation: O, field: keyof (typeof rules)[O] & string) {
  const { minimum, maximum } = rule(operation, field);
  const range = `From ${count(minimum ?? 0)}${maximum === undefined ? "" : ` to ${count(maximum)}`}.`;
  let made = z.number("Write a whole number.").int("Write a whole number.");
  if (minimum !== undefined) made = made.min(minimum, range);
  if (maximum !== undefined) made = made.max(maximum, range);
  return made;
}
