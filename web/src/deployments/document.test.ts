import { expect, test } from "vitest";
import { changedLines, documentYaml, limitFacts, pathOf, probeFacts, type RevisionDocument } from "./document";
import { revisionDocument } from "./vitest.part";

test("secrets are shown by reference alone, whatever came", () => {
  const yaml = documentYaml(
    revisionDocument({
      environment_variables: [
        { type: "literal", name: "LEVEL", value: "debug" },
        { type: "secret", name: "TOKEN", value: "hunter2", secret_id: "sec_1" },
      ],
    }),
  );
  expect(yaml).toContain("  - type: literal\n    name: LEVEL\n    value: debug\n");
  expect(yaml).toContain("  - type: secret\n    name: TOKEN\n    secret_id: sec_1\n");
  expect(yaml).not.toContain("hunter2");
});

test("probes and limits read as facts", () => {
  const [ready, alive] = probeFacts(revisionDocument());
  expect(ready!.value).toBe(
    "GET /v2/health/ready answers within 2 s, asked every 500 ms; 3 failures in a row retire it",
  );
  expect(alive!.value).toBe("GET /v2/health/live answers within 2 s, asked every 5 s; 1 failure in a row restarts it");
  const values = (change: Partial<RevisionDocument>) => limitFacts(revisionDocument(change)).map((fact) => fact.value);
  expect(values({})).toEqual([
    "No limit",
    "No limit",
    "within 5 min",
    "64 requests per replica",
    "256 requests, at most 30 s",
  ]);
  expect(values({ cpus_max: 2, memory_bytes_max: 1 << 30 }).slice(0, 2)).toEqual(["at most 2 cores", "at most 1 GiB"]);
});

test("a change is told by its place, and the lines that go and come", () => {
  expect(pathOf("/limits/queue_max")).toBe("limits.queue_max");
  expect(pathOf("/flags/a~1b")).toBe("flags.a/b");
  const told = (change: { before?: unknown; after?: unknown }) =>
    changedLines(change).map((line) => `${line.kind} ${line.text}`);
  expect(told({ before: 2, after: 4 })).toEqual(["removed 2", "added 4"]);
  expect(told({ after: true })).toEqual(["added true"]);
  expect(told({ before: ["run", "--threads", "2"], after: ["run"] })).toEqual(["removed - --threads", 'removed - "2"']);
});
