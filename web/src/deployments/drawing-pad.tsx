import { type KeyboardEvent, type PointerEvent, type ReactNode, useId, useRef, useState } from "react";
import { cx } from "@/lib/cx";
import type { Point, Stroke } from "./drawing";

type DrawingPadProps = {
  label: string;
  strokes: readonly Stroke[];
  onStrokes: (strokes: readonly Stroke[]) => void;
  /** Below it. */
  children?: ReactNode;
};

const step = 1 / 16;
const inside = (value: number) => Math.max(0, Math.min(1, value));
const moves: Record<string, [right: number, down: number]> = {
  ArrowLeft: [-step, 0],
  ArrowRight: [step, 0],
  ArrowUp: [0, -step],
  ArrowDown: [0, step],
};
const size = 320;

/** Paper and pen: for mouse, touch and keyboard. */
export function DrawingPad({ label, strokes, onStrokes, children }: DrawingPadProps) {
  const hint = useId();
  const pad = useRef<SVGSVGElement>(null);
  const [pen, setPen] = useState<Point>({ x: 0.5, y: 0.25 });
  const [down, setDown] = useState(false);
  const [said, setSaid] = useState("");
  const [byKey, setByKey] = useState(false);
  const drawing = useRef(false);

  const extend = (points: readonly Point[]) =>
    onStrokes([...strokes.slice(0, -1), [...(strokes.at(-1) ?? []), ...points]]);
  const pointOf = (event: { clientX: number; clientY: number }): Point => {
    const { left, top, width, height } = pad.current!.getBoundingClientRect();
    return { x: inside((event.clientX - left) / width), y: inside((event.clientY - top) / height) };
  };

  const onPointerDown = (event: PointerEvent) => {
    if (event.button !== 0 || !event.isPrimary) return;
    event.preventDefault();
    pad.current!.focus({ preventScroll: true });
    pad.current!.setPointerCapture(event.pointerId);
    drawing.current = true;
    setDown(false);
    setByKey(false);
    onStrokes([...strokes, [pointOf(event)]]);
  };
  const onPointerMove = (event: PointerEvent) => {
    if (!drawing.current || !event.isPrimary) return;
    const between = event.nativeEvent.getCoalescedEvents?.() ?? [];
    extend((between.length > 0 ? between : [event]).map(pointOf));
  };
  const lift = () => {
    drawing.current = false;
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    const move = moves[event.key];
    if (move) {
      const to = { x: inside(pen.x + move[0]), y: inside(pen.y + move[1]) };
      setPen(to);
      if (down) extend([to]);
    } else if (event.key === " ") {
      setDown(!down);
      setSaid(down ? "Pen lifted" : "Pen down");
      if (!down) onStrokes([...strokes, [pen]]);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      setDown(false);
      setSaid("Cleared");
      onStrokes([]);
    } else {
      return;
    }
    setByKey(true);
    event.preventDefault();
  };

  return (
    <div className="grid max-w-80 content-start gap-2">
      <svg
        ref={pad}
        role="application"
        aria-label={label}
        aria-roledescription="drawing pad"
        aria-describedby={hint}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it is drawn on
        tabIndex={0}
        viewBox={`0 0 ${size} ${size}`}
        onPointerDown={onPointerDown}
        onPointerMove={onPointerMove}
        onPointerUp={lift}
        onPointerCancel={lift}
        onKeyDown={onKeyDown}
        onBlur={() => setDown(false)}
        className="group aspect-square w-full touch-none not-focus-visible:outline-none rounded-lg border border-line-strong bg-surface"
      >
        <g fill="none" stroke="currentColor" strokeWidth={size / 11} strokeLinecap="round" strokeLinejoin="round">
          {strokes.map((stroke, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: strokes are only added
            <polyline key={index} points={pointsOf(stroke)} />
          ))}
        </g>
        <circle
          cx={pen.x * size}
          cy={pen.y * size}
          r={9}
          strokeWidth={3}
          className={cx("hidden stroke-accent", byKey && "group-focus:inline", down ? "fill-accent" : "fill-none")}
        />
      </svg>
      <div className="flex items-start gap-3">
        <p id={hint} className="flex-1 text-xs text-fg-3">
          Draw with mouse, pen or finger. By keyboard: arrow keys move the pen, Space puts it down or lifts it, Delete
          clears.
        </p>
        {children}
      </div>
      <span role="status" className="sr-only">
        {said}
      </span>
    </div>
  );
}

/** A point alone is a line to itself: so it has a round dot too. */
const pointsOf = (stroke: Stroke) =>
  (stroke.length === 1 ? [stroke[0]!, stroke[0]!] : stroke).map(({ x, y }) => `${x * size},${y * size}`).join(" ");
