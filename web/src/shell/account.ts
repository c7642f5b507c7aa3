/** The first letters of a name: "Mara Okafor" is MO. */
export const initials = (name: string) =>
  name
    .split(/[\s.@_-]+/)
    .filter(Boolean)
    .slice(0, 2)
    .map((word) => [...word][0]?.toUpperCase())
    .join("");

/** The look of the button that opens one's account. */
export const accountClass =
  "ml-1.5 grid size-7 shrink-0 place-items-center rounded-full bg-accent-tint text-2xs font-semibold text-run-fg";
