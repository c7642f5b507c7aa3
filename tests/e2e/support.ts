import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Browser, Locator, Page } from "playwright-core";
import { test as base, expect, inject } from "vitest";
import { launch } from "./chromium";
import { Installation } from "./installation";
import { Visit } from "./visit";

/** What a test that failed looked at last. */
async function picture(page: Page, test: string): Promise<void> {
  const folder = fileURLToPath(new URL("../../build/test/browser", import.meta.url));
  await mkdir(folder, { recursive: true });
  const name = `${test} ${new URL(page.url()).pathname}`.replaceAll(/[^A-Za-z0-9]+/g, "-");
  await page.screenshot({ path: `${folder}/${name.slice(0, 120)}.png` });
}

/** Presses Tab until the focus is there. */
export async function tabTo(page: Page, target: Locator): Promise<void> {
  await target.waitFor();
  for (let presses = 0; presses < 120; presses++) {
    if (await target.evaluate((element) => element.contains(document.activeElement))) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`Tab does not lead to ${target}`);
}

/** Waits until the focus is there: where a dialog opens, and where it came from after it has closed. */
export const toHaveFocus = (target: Locator) =>
  expect
    .poll(() => target.evaluate((element) => element === document.activeElement), {
      message: `the focus is at ${target}`,
    })
    .toBe(true);

/** Goes there by Tab and presses Enter. */
export async function press(page: Page, target: Locator): Promise<void> {
  await tabTo(page, target);
  await page.keyboard.press("Enter");
}

/** Chooses from an open menu by the arrow keys, however long the menu takes to follow them. */
export async function choose(page: Page, name: string | RegExp): Promise<void> {
  const item = page.getByRole("menuitem", { name });
  await item.waitFor();
  for (let presses = 0; presses < 60; presses++) {
    if (await item.evaluate((element) => element === document.activeElement)) return page.keyboard.press("Enter");
    await page.keyboard.press("ArrowDown");
  }
  throw new Error(`the arrow keys do not lead to ${name}`);
}

interface Fixtures {
  /** The one of the whole run: names of its things are new in each test. */
  installation: Installation;
  browser: Browser;
  /** Another browser, at which nobody is signed in, or the person of a link. */
  visitor: (link?: string) => Promise<Visit>;
  /** Nobody is signed in. */
  stranger: Visit;
  /** The administrator is signed in. */
  visit: Visit;
  page: Page;
}

export const test = base.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: Vitest wants a pattern
  installation: [async ({}, use) => use(new Installation(inject("places"))), { scope: "file" }],
  browser: [
    // biome-ignore lint/correctness/noEmptyPattern: Vitest wants a pattern
    async ({}, use) => {
      const browser = await launch();
      await use(browser);
      await browser.close();
    },
    { scope: "file" },
  ],
  visitor: async ({ browser, installation, task }, use) => {
    const visits: Visit[] = [];
    await use(async (link) => {
      const visit = await Visit.start(browser, installation);
      visits.push(visit);
      if (link) await visit.signIn(link);
      return visit;
    });
    if (task.result?.state === "fail") for (const visit of visits) await picture(visit.page, task.name);
    for (const visit of visits) await visit.end();
  },
  stranger: async ({ visitor }, use) => use(await visitor()),
  visit: async ({ visitor, installation }, use) => use(await visitor(await installation.signInLink())),
  page: async ({ visit }, use) => use(visit.page),
});

export { expect };
