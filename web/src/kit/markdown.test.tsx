import { render, screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { Markdown } from "@/kit/markdown";

const show = (text: string) => render(<Markdown text={text} />).container;

test("paragraphs, emphasis, code in a line, and characters that were written out", () => {
  const page = show("One **bold** and *slanted* `a < b` &lt;tag&gt; &amp; R&D\nnext line\n\nSecond \\*not slanted\\*");
  const paragraphs = page.querySelectorAll("p");
  expect(paragraphs).toHaveLength(2);
  expect(paragraphs[0]).toHaveTextContent("One bold and slanted a < b <tag> & R&D");
  expect(paragraphs[0]?.querySelector("strong")).toHaveTextContent("bold");
  expect(paragraphs[0]?.querySelector("em")).toHaveTextContent("slanted");
  expect(paragraphs[0]?.querySelector("code")).toHaveTextContent("a < b");
  expect(paragraphs[0]?.querySelectorAll("br")).toHaveLength(1);
  expect(paragraphs[1]).toHaveTextContent("Second *not slanted*");
});

test("lists, also within each other, and one that begins later", () => {
  show("- one\n- two\n  - inner **bold**\n\n3. third\n4. fourth");
  const [outer, inner, numbered] = screen.getAllByRole("list");
  expect(within(inner!).getByRole("listitem")).toHaveTextContent("inner bold");
  expect(outer).toContainElement(inner!);
  expect(numbered).toHaveAttribute("start", "3");
});

test("a block of code is as it was written, also before it ends", () => {
  const text = '```html\n<b onclick="x()">&lt;</b>\n  indented\n';
  const page = show(text);
  expect(page.querySelector("pre code")?.textContent).toBe('<b onclick="x()">&lt;</b>\n  indented');
  expect(page.querySelector("b")).toBeNull();
});

test("a heading is no heading of the page; a table is one", () => {
  show("# Title\n\n| a | b |\n|---|---|\n| 1 | **2** |\n\n> quoted\n\n---");
  expect(screen.queryByRole("heading")).toBeNull();
  expect(screen.getByText("Title")).toBeVisible();
  expect(screen.getByRole("columnheader", { name: "b" })).toBeVisible();
  expect(screen.getByRole("cell", { name: "2" })).toBeVisible();
});

test("links lead to pages only, in a window that knows nothing of this one", () => {
  show("[docs](https://example.org/a?b=1&c=2) and <https://example.org> and [mail](mailto:a@example.org)");
  const links = screen.getAllByRole("link");
  expect(links.map((link) => link.getAttribute("href"))).toEqual([
    "https://example.org/a?b=1&c=2",
    "https://example.org",
    "mailto:a@example.org",
  ]);
  for (const link of links) expect(link).toHaveAttribute("rel", "noopener noreferrer");
});

test.each([
  "<img src=x onerror=alert(1)>",
  "text <img src=x onerror=alert(1)> text",
  "<script>alert(1)</script>",
  "<svg/onload=alert(1)>",
  "<iframe src='javascript:alert(1)'></iframe>",
  "<a href='javascript:alert(1)'>x</a>",
  "<style>*{display:none}</style>",
  "- <details open ontoggle=alert(1)>",
  "| <img src=x onerror=alert(1)> |\n|---|\n| <b>x</b> |",
  "[x](javascript:alert(1))",
  "[x](JaVaScRiPt:alert(1))",
  "[x](&#106;avascript:alert(1))",
  "[x](java\tscript:alert(1))",
  "[x](data:text/html,<script>alert(1)</script>)",
  "[x](vbscript:msgbox)",
  "[x](//example.org)",
  "[x](/modelops/audit)",
  "<javascript:alert(1)>",
  "[x]: javascript:alert(1)\n\n[x]",
  "![x](https://example.org/spy.png)",
  "![x](javascript:alert(1))",
  '[x](https://example.org "onmouseover=alert(1)")',
  "`<img src=x onerror=alert(1)>`",
])("nothing of %s runs, loads or leads anywhere", (text) => {
  const page = show(text);
  expect(page.querySelectorAll("img, script, svg, iframe, style, details, object, embed, form, input")).toHaveLength(0);
  for (const element of page.querySelectorAll("*"))
    for (const { name } of element.attributes)
      expect(["class", "href", "rel", "target", "tabindex", "start"]).toContain(name);
  for (const link of page.querySelectorAll("a")) expect(link.getAttribute("href")).toMatch(/^https:\/\/example\.org/);
});

test("a long answer of deep lists and open brackets is read in time to show it", () => {
  const hostile = `${"[".repeat(5000)}\n\n${"> ".repeat(60)}x\n\n${"*a ".repeat(5000)}`;
  expect(show(hostile).textContent).toContain("[[[[");
});
