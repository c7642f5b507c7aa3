/** The look of whatever opens above the page, and of a row in it. */
export const popupClass =
  "rounded-lg bg-surface p-1 text-sm text-fg shadow-pop outline-none transition-[opacity,scale] duration-100 " +
  "origin-[var(--transform-origin)] data-ending-style:opacity-0 data-starting-style:scale-98 " +
  "data-starting-style:opacity-0 motion-reduce:transition-none";

export const itemClass =
  "flex min-h-7.5 cursor-default select-none items-center gap-2 rounded-md px-2 py-1 outline-none " +
  "data-highlighted:bg-hover data-disabled:text-fg-3";
