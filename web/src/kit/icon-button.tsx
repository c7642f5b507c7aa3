import { useState } from "react";
import { Button, type ButtonProps } from "@/kit/button";
import { loadLater } from "@/lib/after-content";

// A page is usable before its tooltips are there; what is drawn until then has the browser's own.
let loaded: typeof import("@/kit/tip").Tip | undefined;
export const tooltips = loadLater(() => import("@/kit/tip")).then((part) => {
  loaded = part.Tip;
});

/** A button with a picture; its label is its name and its tooltip. */
export function IconButton({ label, children, ...props }: ButtonProps & { label: string }) {
  // It stays what it was drawn as: another would take the focus away.
  const [Tip] = useState(() => loaded);
  const button = (
    <Button variant="ghost" size="icon" aria-label={label} title={Tip ? undefined : label} {...props}>
      {children}
    </Button>
  );
  return Tip ? <Tip label={label}>{button}</Tip> : button;
}
