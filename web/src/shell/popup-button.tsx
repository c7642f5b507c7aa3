import { type ComponentType, type ReactNode, useCallback, useEffect, useRef, useState } from "react";
import { afterContent } from "@/lib/after-content";

/** What was done with the button before its popup had come: the popup's own trigger takes over from there. */
export type Early = { focused: boolean; pressed: boolean };

type PopupButtonProps<P> = {
  load: () => Promise<{ default: ComponentType<P & { early: Early }> }>;
  /** Of what is loaded. */
  props: P;
  className: string;
  /** What the button shows, its name included, until its popup is there. */
  children: ReactNode;
};

/** A button that is there at once. What it opens is loaded after the page's content, or as soon as it is asked for. */
export function PopupButton<P extends object>({ load, props, className, children }: PopupButtonProps<P>) {
  const [Popup, setPopup] = useState<ComponentType<P & { early: Early }>>();
  const early = useRef<Early>({ focused: false, pressed: false });
  const fetchPopup = useCallback(() => {
    // Where it does not come the button stays, and pressing it tries again.
    load().then(
      (part) => setPopup(() => part.default),
      () => undefined,
    );
  }, [load]);
  useEffect(() => void afterContent.then(fetchPopup), [fetchPopup]);

  if (Popup) return <Popup {...props} early={early.current} />;
  return (
    <button
      type="button"
      className={className}
      onFocus={() => {
        early.current.focused = true;
      }}
      onBlur={() => {
        early.current.focused = false;
      }}
      onClick={() => {
        early.current.pressed = true;
        fetchPopup();
      }}
    >
      {children}
    </button>
  );
}
