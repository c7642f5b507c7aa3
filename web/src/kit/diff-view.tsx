import { Columns2, Rows2 } from "lucide-react";
import { useMemo, useState } from "react";
import { type DiffLine, type DiffPiece, diffLines, foldSame, inPairs } from "@/kit/diff";
import { IconButton } from "@/kit/icon-button";
import { useMedia } from "@/kit/use-media";
import { cx } from "@/lib/cx";
import { plural } from "@/lib/format";

type DiffViewProps = {
  /** "Revision 3 to 4" */
  label: string;
  before: string;
  after: string;
  beforeName: string;
  afterName: string;
};

/** Two texts line by line, in one column or side by side; what did not change is folded. */
export function DiffView({ label, before, after, beforeName, afterName }: DiffViewProps) {
  const lines = useMemo(() => diffLines(before, after), [before, after]);
  const pieces = useMemo(() => foldSame(lines), [lines]);
  const wide = useMedia("(width >= 64rem)");
  const [split, setSplit] = useState(true);
  const [unfolded, setUnfolded] = useState<ReadonlySet<number>>(new Set());
  const added = lines.filter((line) => line.kind === "added").length;
  const removed = lines.filter((line) => line.kind === "removed").length;
  const sideBySide = split && wide;
  return (
    <section aria-label={label} className="min-w-0 overflow-hidden rounded-lg border border-line bg-surface">
      <header className="flex min-h-10 items-center gap-3 border-b border-line px-4">
        <span className="text-sm font-medium">{label}</span>
        <span className="tnum text-xs text-fg-2">
          {added + removed === 0 ? "No difference" : `${plural(added, "line")} added, ${removed} removed`}
        </span>
        {wide && (
          <IconButton
            label={split ? "One column" : "Side by side"}
            onClick={() => setSplit(!split)}
            className="ml-auto -mr-2"
          >
            {split ? <Rows2 aria-hidden className="size-4" /> : <Columns2 aria-hidden className="size-4" />}
          </IconButton>
        )}
      </header>
      <div
        role="region"
        aria-label={`${label}, lines`}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
        tabIndex={0}
        className="max-h-160 overflow-auto focus-visible:-outline-offset-2"
      >
        <table className="w-full border-collapse font-mono text-xs leading-5">
          <thead className="sr-only">
            <tr>
              <th scope="col">Line in {beforeName}</th>
              {sideBySide && <th scope="col">{beforeName}</th>}
              <th scope="col">Line in {afterName}</th>
              <th scope="col">{sideBySide ? afterName : "Text"}</th>
            </tr>
          </thead>
          <tbody>
            {pieces.map((piece, index) => {
              const key = piece.lines[0]!.before ?? `+${piece.lines[0]!.after}`;
              if (piece.folded && !unfolded.has(index))
                return (
                  <Fold
                    key={key}
                    piece={piece}
                    columns={sideBySide ? 4 : 3}
                    onUnfold={() => setUnfolded(new Set([...unfolded, index]))}
                  />
                );
              return sideBySide
                ? inPairs(piece.lines).map((pair) => (
                    <tr key={`${pair.before?.before}-${pair.after?.after}`}>
                      <Side line={pair.before} number={pair.before?.before} />
                      <Side line={pair.after} number={pair.after?.after} />
                    </tr>
                  ))
                : piece.lines.map((line) => (
                    <tr key={`${line.before}-${line.after}`}>
                      <LineNumber number={line.before} kind={line.kind} />
                      <LineNumber number={line.after} kind={line.kind} />
                      <Text line={line} />
                    </tr>
                  ));
            })}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Fold({ piece, columns, onUnfold }: { piece: DiffPiece; columns: number; onUnfold: () => void }) {
  return (
    <tr>
      <td colSpan={columns} className="bg-sunken p-0">
        <button
          type="button"
          onClick={onUnfold}
          className="w-full px-4 py-0.5 text-left font-sans text-xs text-fg-2 hover:bg-hover hover:text-fg focus-visible:-outline-offset-2"
        >
          Show {plural(piece.lines.length, "unchanged line")}
        </button>
      </td>
    </tr>
  );
}

function Side({ line, number }: { line: DiffLine | undefined; number: number | undefined }) {
  if (!line)
    return (
      <>
        <td className="bg-sunken" />
        <td className="w-1/2 bg-sunken" />
      </>
    );
  return (
    <>
      <LineNumber number={number} kind={line.kind} />
      <Text line={line} half />
    </>
  );
}

const tint = { same: "", added: "bg-ok-tint", removed: "bg-bad-tint" };

function LineNumber({ number, kind }: { number: number | undefined; kind: DiffLine["kind"] }) {
  return (
    <td className={cx("tnum w-12 min-w-12 pr-3 text-right align-top text-fg-2 select-none", tint[kind])}>{number}</td>
  );
}

function Text({ line, half }: { line: DiffLine; half?: boolean }) {
  const sign = { same: " ", added: "+", removed: "−" }[line.kind];
  return (
    <td className={cx("pr-4 align-top whitespace-pre-wrap wrap-anywhere", half && "w-1/2", tint[line.kind])}>
      <span aria-hidden className="mr-2 inline-block w-2 text-fg-2 select-none">
        {sign}
      </span>
      {line.kind !== "same" && <span className="sr-only">{line.kind === "added" ? "Added: " : "Removed: "}</span>}
      {line.text}
    </td>
  );
}
