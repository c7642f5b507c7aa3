// JSON values as YAML 1.2, to be read and compared line by line.

/** Words that some reader of YAML takes for something else than text. */
const words = /^(?:null|true|false|yes|no|on|off|y|n|~)$/i;
const number = /^[-+]?(?:\.?\d|0x|0o|\.inf|\.nan)|^\.nan$/i;
/** What begins something else than a plain text: indicators, a list item, a document. */
const indicator = /^[,[\]{}#&*!|>'"%@`?:]|^-(?:\s|$)|^(?:---|\.\.\.)/;
const separator = /:(?:\s|$)|\s#/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they need escapes
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff\ud800-\udfff]/;

function text(value: string): string {
  const plain =
    value !== "" &&
    value === value.trim() &&
    !words.test(value) &&
    !number.test(value) &&
    !indicator.test(value) &&
    !separator.test(value) &&
    !unprintable.test(value);
  return plain ? value : JSON.stringify(value);
}

const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);
const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !isList(value);

/** The lines of a value; of a list or a map that is not empty, one or more to be put below its key. */
function lines(value: unknown): { inline?: string; block: string[] } {
  if (isList(value) && value.length > 0) return { block: value.flatMap((item) => below("- ", lines(item))) };
  if (isMap(value)) {
    const entries = Object.entries(value).filter(([, member]) => member !== undefined);
    const block = entries.flatMap(([key, member]) => {
      const made = lines(member);
      if (made.inline !== undefined) return [`${text(key)}: ${made.inline}`];
      return [`${text(key)}:`, ...made.block.map((line) => `  ${line}`)];
    });
    return block.length > 0 ? { block } : { inline: "{}", block };
  }
  const inline = isList(value) ? "[]" : typeof value === "string" ? text(value) : JSON.stringify(value ?? null);
  return { inline, block: [] };
}

const below = (mark: string, { inline, block }: { inline?: string; block: string[] }) =>
  inline !== undefined ? [mark + inline] : block.map((line, index) => (index === 0 ? mark : "  ") + line);

export function toYaml(value: unknown): string {
  const { inline, block } = lines(value);
  return `${inline ?? block.join("\n")}\n`;
}
