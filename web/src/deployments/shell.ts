// Command lines that a person may paste into a POSIX shell.

const plain = /^[A-Za-z0-9_@%+=:,./^-]+$/;
/** What agents fill in: {port}, {artifact}/{model_file}. A shell leaves braces without a comma alone. */
const placeholders = /^(?:[A-Za-z0-9_@%+=:./^-]|\{[a-z_]+\})+$/;

export const quoted = (word: string) =>
  plain.test(word) || placeholders.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

export const commandLine = (words: readonly string[]) => words.map(quoted).join(" ");

/** A body of more characters than this is put into a file instead. */
const bodyMax = 8_000;
export const bodyFile = "request.json";

type Call = { url: string; body: string; streams?: boolean };

/** Whether the command reads its body from a file. */
export const needsFile = ({ body }: Call) => body.length > bodyMax;

/** The call of a deployment; the key comes from the environment. */
export function curl(call: Call): string {
  return [
    `curl ${call.streams ? "--no-buffer " : ""}${quoted(call.url)}`,
    `  -H "Authorization: Bearer $MODELOPS_API_KEY"`,
    `  -H 'Content-Type: application/json'`,
    `  --data ${needsFile(call) ? `@${bodyFile}` : quoted(call.body)}`,
  ].join(" \\\n");
}
