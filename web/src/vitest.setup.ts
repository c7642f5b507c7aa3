import "@testing-library/jest-dom/vitest";
import { cleanup, configure } from "@testing-library/react";
import { afterEach, beforeEach } from "vitest";
import { contentShown } from "./lib/after-content";

// happy-dom has no layout: every box is a screen of 1024 x 800 over a long page, so that virtual lists have rows to show.
const sizes = { clientWidth: 1024, clientHeight: 800, scrollHeight: 10_000_000 };
for (const [name, value] of Object.entries(sizes))
  Object.defineProperty(HTMLElement.prototype, name, { configurable: true, get: () => value });

// How long findBy and waitFor wait: a busy machine answers late.
configure({ asyncUtilTimeout: 10_000 });

contentShown();
beforeEach(() => localStorage.clear());
afterEach(cleanup);
