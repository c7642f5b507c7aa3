// node tools/vitest-counts.mjs <report.json>: "passed failed" of Vitest's JSON report, and the failures' names to
// standard error. Whatever did not pass failed: skipped, left to do, or in a file that could not be loaded.
import { readFileSync } from "node:fs";
import { relative } from "node:path";

const report = JSON.parse(readFileSync(process.argv[2], "utf8"));
let passed = 0;
let failed = 0;
const fail = (name) => {
  failed += 1;
  console.error(`[  FAILED  ] ${name}`);
};
for (const file of report.testResults) {
  const path = relative(".", file.name);
  for (const test of file.assertionResults) {
    if (test.status === "passed") passed += 1;
    else fail(`${path} > ${test.fullName} (${test.status})`);
  }
  if (file.status !== "passed" && file.assertionResults.every((test) => test.status === "passed")) fail(path);
}
console.log(`${passed} ${failed}`);
