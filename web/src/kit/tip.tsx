import { Tooltip } from "@base-ui/react/tooltip";
import type { ReactElement, ReactNode } from "react";

type TipProps = {
  label: ReactNode;
  /** What is pointed at: one element that takes focus. */
  children: ReactElement<Record<string, unknown>>;
  side?: "top" | "bottom" | "right";
};

/** A tooltip on hover and focus. It repeats or explains; nothing is told in it alone. */
export function Tip({ label, children, side = "bottom" }: TipProps) {
  return (
    <Tooltip.Root>
      <Tooltip.Trigger render={children} />
      <Tooltip.Portal>
        <Tooltip.Positioner sideOffset={6} side={side} className="z-60">
          <Tooltip.Popup className="max-w-80 rounded-md bg-ink px-2 py-1 text-xs text-on-ink transition-opacity duration-100 data-ending-style:opacity-0 data-starting-style:opacity-0">
            {label}
          </Tooltip.Popup>
        </Tooltip.Positioner>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}
