import { type ComponentType, type ReactNode, useCallback, useEffect, useRef, useState } from "react";
import { loadLater } from "@/lib/after-content";

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
  const show = useCallback(
    (part: { default: ComponentType<P & { early: Early }> }) => setPopup(() => part.default),
    [],
  );
  useEffect(() => void loadLater(load).then(show), [load, show]);
  // Where it does not come the button stays, and pressing it tries again.
  const fetchNow = () => load().then(show, () => undefined);

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
        void fetchNow();
      }}
    >
      {children}
    </button>
  );
}
