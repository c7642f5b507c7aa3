import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { AxeResults } from "axe-core";
import type { Browser, Page } from "playwright-core";
import { expect } from "vitest";
import type { Installation } from "./installation";

const axeSource = readFile(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8");
const widths = [1280, 768, 390] as const;
const size = { width: 1440, height: 900 };

/** A page that nobody is signed in at, and what it must not do. */
export class Visit {
  /** What went wrong in the page without a person seeing it. */
  readonly problems: string[] = [];
  private readonly allowed: RegExp[] = [];

  private constructor(
    readonly page: Page,
    private readonly installation: Installation,
  ) {}

  static async start(browser: Browser, installation: Installation): Promise<Visit> {
    const context = await browser.newContext({
      viewport: size,
      reducedMotion: "reduce",
      permissions: ["clipboard-read", "clipboard-write"],
    });
    context.setDefaultTimeout(30_000);
    const page = await context.newPage();
    const visit = new Visit(page, installation);
    // Refusals of the content security policy are console errors too.
    page.on("console", (message) => {
      if (message.type() === "error") visit.problems.push(`console: ${message.text()} (${message.location().url})`);
    });
    page.on("pageerror", (error) => visit.problems.push(`exception: ${error.stack ?? error.message}`));
    const own = [installation.places.web, installation.places.gateway];
    page.on("request", (request) => {
      const { origin, protocol } = new URL(request.url());
      if (protocol.startsWith("http") && !own.includes(origin)) visit.problems.push(`foreign: ${request.url()}`);
    });
    return visit;
  }

  /** For a problem that the test itself provokes: Chromium logs every answer of 400 and above. */
  allow(problem: RegExp): void {
    this.allowed.push(problem);
  }

  /** Signs in as the person of a one-time link, without the sign-in page. */
  async signIn(link: string): Promise<void> {
    const token = link.slice(link.indexOf("=") + 1);
    const answer = await this.page.request.post(`${this.installation.places.web}/api/v1/session/link`, {
      data: { token },
    });
    expect(answer.status()).toBe(200);
  }

  /** Goes to a path of the app ("/registry"), and waits until it shows its heading. */
  async open(path: string): Promise<void> {
    await this.page.goto(`${this.installation.places.web}/modelops${path}`);
    await this.page.getByRole("heading", { level: 1 }).waitFor();
  }

  /** What every page and every open dialog must be: accessible in both themes, and whole at every width. */
  async inspect(): Promise<void> {
    await this.expectAccessible();
    await this.expectWhole();
  }

  /** axe-core without a violation, light and dark. */
  async expectAccessible(): Promise<void> {
    for (const colorScheme of ["light", "dark"] as const) {
      await this.page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await this.page.waitForFunction((wanted) => document.documentElement.dataset.theme === wanted, colorScheme);
      expect(await this.violations(), `axe-core, ${colorScheme}, ${this.page.url()}`).toEqual([]);
    }
    await this.page.emulateMedia({ colorScheme: null });
  }

  private async violations() {
    // Evaluated by the debugger, so that the page's policy need not allow it.
    await this.page.evaluate(await axeSource);
    const { violations } = (await this.page.evaluate(
      // A menu stands outside of the landmarks while it is open.
      `axe.run(document, {
        resultTypes: ["violations"],
        rules: { region: { enabled: !document.querySelector("[role=menu], [role=listbox][data-open]") } },
      })`,
    )) as AxeResults;
    return violations.map(({ id, help, nodes }) => ({ id, help, at: nodes.map((node) => node.html) }));
  }

  /** Nothing scrolls sideways but what is made to, and nothing is cut off, at 1280, 768 and 390 px. */
  async expectWhole(): Promise<void> {
    for (const width of widths) {
      await this.page.setViewportSize({ width, height: size.height });
      // Two frames: one lays out, the next one has applied what observers of sizes decided.
      await this.page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
      const found = { message: `${width} px, ${this.page.url()}`, timeout: 10_000 };
      await expect.poll(() => this.page.evaluate(cutOff), found).toEqual([]);
    }
    await this.page.setViewportSize(size);
  }

  async end(): Promise<void> {
    await this.page.context().close();
    expect(this.problems.filter((problem) => !this.allowed.some((pattern) => pattern.test(problem)))).toEqual([]);
  }
}

/** Runs in the page: what cannot be seen whole at this width, and cannot be scrolled to either. */
function cutOff(): string[] {
  const found: string[] = [];
  const edge = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > edge) found.push(`the page: ${document.documentElement.scrollWidth} px`);
  const main = document.querySelector("main");
  if (main && main.scrollWidth > main.clientWidth) found.push(`main: ${main.scrollWidth} of ${main.clientWidth} px`);
  for (const grid of document.querySelectorAll("[role=grid]")) {
    const box = grid.parentElement!;
    if (box.scrollWidth > box.clientWidth) found.push(`a table: ${box.scrollWidth} of ${box.clientWidth} px`);
  }
  for (const cell of document.querySelectorAll("[role=gridcell]"))
    if (cell.scrollWidth > cell.clientWidth + 1 && getComputedStyle(cell).overflowX === "visible")
      found.push(`a cell over its neighbour: ${cell.outerHTML.slice(0, 160)}`);
  const shows = (element: Element) =>
    element.matches("a, button, input, select, textarea, canvas, svg, img") ||
    [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent?.trim());
  for (const element of document.querySelectorAll("body *")) {
    const box = element.getBoundingClientRect();
    // Smaller is what only screen readers read.
    if (
      box.width <= 1 ||
      box.height <= 1 ||
      !element.checkVisibility({ visibilityProperty: true, opacityProperty: true })
    )
      continue;
    if (!shows(element)) continue;
    let left = 0;
    let right = edge;
    let reachable = false;
    for (let above = element.parentElement; above; above = above.parentElement) {
      const { overflowX, position } = getComputedStyle(above);
      if (overflowX === "auto" || overflowX === "scroll") {
        reachable = above !== main;
        break;
      }
      if (overflowX === "hidden" || overflowX === "clip") {
        // An ellipsis says itself that there is more.
        if (getComputedStyle(above).textOverflow === "ellipsis" || above.closest("[aria-hidden=true]")) {
          reachable = true;
          break;
        }
        const clip = above.getBoundingClientRect();
        left = Math.max(left, clip.left);
        right = Math.min(right, clip.right);
      }
      if (position === "fixed") break;
    }
    if (!reachable && (box.right > right + 1 || box.left < left - 1)) {
      const html = element.outerHTML;
      found.push(
        `${Math.round(box.left)} to ${Math.round(box.right)} of ${Math.round(right)} px: ${html.slice(0, 160)}`,
      );
    }
  }
  return found;
}
