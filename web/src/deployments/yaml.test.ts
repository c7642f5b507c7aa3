import { expect, test } from "vitest";
import { toYaml } from "./yaml";

test("maps, lists and lists of both, nested", () => {
  expect(
    toYaml({
      name: "digits",
      replicas: 2,
      ratio: 0.5,
      ready: true,
      nothing: null,
      left_out: undefined,
      command: ["{modelops}", "runtime", "--port", "{port}"],
      probes: { readiness: { path: "/v2/health/ready", period_ms: 500 } },
      variables: [
        { type: "literal", name: "A", value: "" },
        { type: "secret", name: "B" },
      ],
      matrix: [[1, 2], [], [[3]]],
    }),
  ).toBe(`name: digits
replicas: 2
ratio: 0.5
ready: true
nothing: null
command:
  - "{modelops}"
  - runtime
  - --port
  - "{port}"
probes:
  readiness:
    path: /v2/health/ready
    period_ms: 500
variables:
  - type: literal
    name: A
    value: ""
  - type: secret
    name: B
matrix:
  - - 1
    - 2
  - []
  - - - 3
`);
});

test.each([
  [{}, "{}\n"],
  [[], "[]\n"],
  [{ flags: {}, files: [] }, "flags: {}\nfiles: []\n"],
  [{ gone: undefined }, "{}\n"],
  ["text", "text\n"],
  [7, "7\n"],
])("%j alone", (value, expected) => expect(toYaml(value)).toBe(expected));

test.each([
  "",
  " padded",
  "padded ",
  "true",
  "No",
  "null",
  "~",
  "7",
  "-1",
  "+1",
  "1e3",
  "0x1f",
  ".5",
  ".inf",
  ".nan",
  "12:30:45",
  "2026-01-01",
  "1.2.3",
  "- item",
  "-",
  "---",
  "...",
  "? key",
  ": value",
  "key: value",
  "ends:",
  "text # remark",
  "# remark",
  "[list]",
  "{map}",
  "&anchor",
  "*alias",
  "!tag",
  "|",
  ">",
  "'quoted'",
  '"quoted"',
  "%directive",
  "@at",
  "`tick`",
  "two\nlines",
  "tab\there",
  "bell\u0007",
  "line\u2028separator",
])("%j is quoted, so that every reader takes it for text", (value) => {
  expect(toYaml(value)).toBe(`${JSON.stringify(value)}\n`);
  expect(toYaml({ [value]: 1 })).toBe(`${JSON.stringify(value)}: 1\n`);
});

test.each([
  "/v2/models/digits",
  "a:b",
  "http://127.0.0.1:8000/x",
  "C#",
  "--flag",
  "-x",
  "it's",
  'say "so"',
  "größer",
  "v3",
  "sha256:abc",
])("%j stands as it is", (value) => expect(toYaml(value)).toBe(`${value}\n`));
