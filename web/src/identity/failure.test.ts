import { expect, test } from "vitest";
import { covers } from "./failure";

test.each([
  ["*", "models:write", true],
  ["models:write", "models:write", true],
  ["models:*", "models:write", true],
  ["*:read", "models:write", false],
  ["*:write", "models:write", true],
  ["model:*", "models:write", false],
])("a role with %s has %s: %s", (pattern, permission, expected) => expect(covers(pattern, permission)).toBe(expected));
