/** The product's sign. */
export function Brand() {
  return (
    <span aria-hidden className="grid size-7 shrink-0 place-items-center rounded-md bg-ink text-on-ink">
      <svg
        aria-hidden="true"
        viewBox="0 0 16 16"
        className="size-4"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.6"
        strokeLinecap="round"
      >
        <path d="M2.5 11.5 6 4.5l4 7 3.5-7" />
      </svg>
    </span>
  );
}
