import { lexer, type Token, type Tokens } from "marked";
import { memo, type ReactNode } from "react";

// marked only reads; what is shown are React's elements. Raw HTML and links to anything but pages are plain text.

const characters: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'", nbsp: "\u00a0" };
const resolved = (text: string) => text.replace(/&(amp|lt|gt|quot|#39|nbsp);/g, (_, name: string) => characters[name]!);

/** Where a link may lead: a page or an address of mail, written out. */
const isSafe = (href: string) => /^(?:https?:\/\/|mailto:)/i.test(href) && URL.canParse(href);

const draw = (tokens: readonly Token[] | undefined): ReactNode[] => (tokens ?? []).map(one);

function one(token: Token, key: number): ReactNode {
  switch (token.type) {
    case "heading":
      // The page has its own order of headings.
      return (
        <p key={key} className="font-semibold">
          {draw(token.tokens)}
        </p>
      );
    case "paragraph":
      return <p key={key}>{draw(token.tokens)}</p>;
    case "code":
      return (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
        <pre key={key} tabIndex={0} className="overflow-x-auto rounded-md border border-line bg-sunken p-3 text-xs">
          <code className="font-mono">{token.text}</code>
        </pre>
      );
    case "blockquote":
      return (
        <blockquote key={key} className="grid gap-3 border-l-2 border-line pl-3 text-fg-2">
          {draw(token.tokens)}
        </blockquote>
      );
    case "list": {
      const { ordered, start, items } = token as Tokens.List;
      const rows = items.map((item, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: an answer only grows
        <li key={index} className="pl-1 [&>*+*]:mt-1">
          {draw(item.tokens)}
        </li>
      ));
      return ordered ? (
        <ol key={key} start={start === "" ? undefined : start} className="grid list-decimal gap-1 pl-6">
          {rows}
        </ol>
      ) : (
        <ul key={key} className="grid list-disc gap-1 pl-6">
          {rows}
        </ul>
      );
    }
    case "table":
      return <Table key={key} table={token as Tokens.Table} />;
    case "hr":
      return <hr key={key} className="border-line" />;
    case "strong":
      return <strong key={key}>{draw(token.tokens)}</strong>;
    case "em":
      return <em key={key}>{draw(token.tokens)}</em>;
    case "del":
      return <del key={key}>{draw(token.tokens)}</del>;
    case "codespan":
      return (
        <code key={key} className="rounded-sm bg-hover px-1 font-mono text-[0.9em]">
          {token.text}
        </code>
      );
    case "br":
      return <br key={key} />;
    case "link":
      if (!isSafe(token.href)) return token.raw;
      return (
        <a key={key} href={token.href} target="_blank" rel="noopener noreferrer" className="underline">
          {draw(token.tokens)}
        </a>
      );
    case "checkbox":
      return token.checked ? "☑ " : "☐ ";
    case "text":
      return token.tokens ? draw(token.tokens) : resolved(token.text);
    case "escape":
      return token.text;
    case "space":
      return null;
    default:
      return token.raw; // HTML, pictures, what is not known
  }
}

function Table({ table }: { table: Tokens.Table }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
    <div tabIndex={0} className="overflow-x-auto">
      <table className="text-left text-sm">
        <thead>
          <tr>{cells(table.header, "th")}</tr>
        </thead>
        <tbody>
          {table.rows.map((row, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: an answer only grows
            <tr key={index}>{cells(row, "td")}</tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const cells = (row: readonly Tokens.TableCell[], Cell: "th" | "td") =>
  row.map((cell, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: an answer only grows
    <Cell key={index} className="border border-line px-2 py-1 align-top">
      {draw(cell.tokens)}
    </Cell>
  ));

/** What somebody not trusted wrote in Markdown: paragraphs, lists, code, tables, emphasis, links to pages. */
export const Markdown = memo(function Markdown({ text }: { text: string }) {
  return (
    <div className="grid gap-3 text-base wrap-anywhere *:min-w-0">{draw(lexer(text, { gfm: true, breaks: true }))}</div>
  );
});
