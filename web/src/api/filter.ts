// Builds the `filter` of lists (docs/guides/api.md). What people type goes through here, never into the text itself.

declare const filter: unique symbol;
/** A well-formed filter; only this file makes them. */
export type Filter = string & { readonly [filter]: true };
export type Value = string | number | boolean | Date;

/** Parts that do not apply may stand in a list of filters: `and(text && contains("name", text), …)`. */
export type Part = Filter | undefined | false | null | "" | 0;

const made = (text: string) => text as Filter;

function quote(text: string): string {
  // The server refuses control characters; none is in what anybody means to find.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is taken out
  const clean = text.replace(/[\u0000-\u001f\u007f]/g, " ");
  return `'${clean.replace(/[\\']/g, "\\$&")}'`;
}

function literal(value: Value): string {
  if (value instanceof Date) return quote(value.toISOString());
  if (typeof value === "number" && !Number.isFinite(value)) throw new RangeError(`${value} cannot be compared`);
  return typeof value === "string" ? quote(value) : String(value);
}

function field(name: string): string {
  if (!/^(tags\..+|[a-z_]+)$/.test(name)) throw new RangeError(`${name} is no field`);
  return name;
}

/** The name of a tag as a field: eq(tag("stage"), "beta"). */
export const tag = (key: string): string =>
  /^[\w./-]+$/.test(key) ? `tags.${key}` : `tags."${key.replace(/[\\"]/g, "\\$&")}"`;

const compare = (operator: string) => (name: string, value: Value) =>
  made(`${field(name)} ${operator} ${literal(value)}`);

export const eq = compare("=");
export const ne = compare("!=");
export const lt = compare("<");
export const le = compare("<=");
export const gt = compare(">");
export const ge = compare(">=");

const escaped = (text: string) => text.replace(/[\\%_]/g, "\\$&");
const like = (name: string, pattern: string) => made(`${field(name)} LIKE ${quote(pattern)}`);

/** The field holds this text, in any case. */
export const contains = (name: string, text: string) => like(name, `%${escaped(text)}%`);
export const startsWith = (name: string, text: string) => like(name, `${escaped(text)}%`);

/** One of these values. None chosen limits nothing, as with an empty menu of choices. */
export const oneOf = (name: string, values: readonly Value[]): Filter | undefined =>
  values.length === 0 ? undefined : made(`${field(name)} IN (${values.map(literal).join(", ")})`);

function joined(word: "AND" | "OR", parts: readonly Part[]): Filter | undefined {
  const some = parts.filter((part): part is Filter => !!part);
  if (some.length < 2) return some[0];
  return made(some.map((part) => `(${part})`).join(` ${word} `));
}

export const and = (...parts: Part[]) => joined("AND", parts);
export const or = (...parts: Part[]) => joined("OR", parts);
export const not = (part: Filter) => made(`NOT (${part})`);
