// What the server accepts in each field of each request, from openapi.json: forms check the same before they send.
//   node scripts/rules.mjs           writes src/api/rules.json
//   node scripts/rules.mjs --check   fails when it differs
import { readFileSync, writeFileSync } from "node:fs";

const kept = ["pattern", "minLength", "maxLength", "minimum", "maximum", "enum"];
const target = new URL("../src/api/rules.json", import.meta.url);
const document = JSON.parse(readFileSync(new URL("../../openapi.json", import.meta.url), "utf8"));

const resolve = (schema) =>
  schema?.$ref ? resolve(document.components.schemas[schema.$ref.split("/").pop()]) : (schema ?? {});

function rulesOf(schema, path = "", found = {}) {
  for (const [name, member] of Object.entries(resolve(schema).properties ?? {})) {
    const rule = resolve(member);
    const limits = Object.fromEntries(kept.filter((key) => rule[key] !== undefined).map((key) => [key, rule[key]]));
    if (Object.keys(limits).length > 0) found[path + name] = limits;
    if (rule.properties) rulesOf(rule, `${path}${name}/`, found);
  }
  return found;
}

const rules = {};
for (const methods of Object.values(document.paths)) {
  for (const operation of Object.values(methods)) {
    const found = rulesOf(operation.requestBody?.content?.["application/json"]?.schema);
    if (Object.keys(found).length > 0) rules[operation.operationId] = found;
  }
}
const text = `${JSON.stringify(rules, null, 1)}\n`;
if (process.argv.includes("--check")) {
  if (readFileSync(target, "utf8") !== text) {
    console.error("src/api/rules.json is not what openapi.json says: run npm run api");
    process.exit(1);
  }
} else {
  writeFileSync(target, text);
}
