import { expect, test } from "vitest";
import { commandLine, curl, needsFile } from "./shell";

test.each([
  [
    ["llama-server", "--port", "{port}", "--model", "{artifact}/{model_file}"],
    "llama-server --port {port} --model {artifact}/{model_file}",
  ],
  [["say", "two words"], "say 'two words'"],
  [["say", "it's"], `say 'it'\\''s'`],
  [["say", "$HOME"], "say '$HOME'"],
  [["say", "{a,b}"], "say '{a,b}'"],
  [["say", ""], "say ''"],
  [["say", "~/x"], "say '~/x'"],
])("%j", (words, expected) => expect(commandLine(words)).toBe(expected));

test("the call of a deployment takes its key from the environment", () => {
  const call = { url: "http://localhost:18088/v1/chat/completions", body: `{"content":"it's"}`, streams: true };
  expect(curl(call)).toBe(
    `curl --no-buffer http://localhost:18088/v1/chat/completions \\
  -H "Authorization: Bearer $MODELOPS_API_KEY" \\
  -H 'Content-Type: application/json' \\
  --data '{"content":"it'\\''s"}'`,
  );
});

test("a body too large for a command line comes from a file", () => {
  const call = { url: "http://localhost:18088/", body: "0".repeat(8_001) };
  expect(needsFile(call)).toBe(true);
  expect(curl(call)).toContain("--data @request.json");
});
