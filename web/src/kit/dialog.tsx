import { Dialog as BaseDialog } from "@base-ui/react/dialog";
import { X } from "lucide-react";
import { type ReactNode, type RefObject, useRef } from "react";
import { Button } from "@/kit/button";
import { cx } from "@/lib/cx";

type DialogProps = {
  open: boolean;
  onClose: () => void;
  title: ReactNode;
  description?: ReactNode;
  children?: ReactNode;
  /** Buttons at the foot, the main one last. */
  footer?: ReactNode;
  size?: "sm" | "md" | "lg";
  /** What takes the focus first; by default the first control of the content. */
  initialFocus?: RefObject<HTMLElement | null>;
};

export function Dialog({
  open,
  onClose,
  title,
  description,
  children,
  footer,
  size = "md",
  initialFocus,
}: DialogProps) {
  const content = useRef<HTMLDivElement>(null);
  const popup = useRef<HTMLDivElement>(null);
  const firstControl = () =>
    content.current?.querySelector<HTMLElement>("input, textarea, select, button, a[href], [tabindex='0']") ??
    popup.current;
  return (
    <BaseDialog.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <BaseDialog.Portal>
        <BaseDialog.Backdrop className="fixed inset-0 z-40 bg-black/25 dark:bg-black/55" />
        <BaseDialog.Viewport className="fixed inset-0 z-50 flex items-start justify-center overflow-y-auto px-3 py-[10vh]">
          <BaseDialog.Popup
            ref={popup}
            initialFocus={initialFocus ?? firstControl}
            className={cx(
              "flex w-full flex-col rounded-xl bg-surface shadow-pop outline-none",
              size === "sm" && "max-w-md",
              size === "md" && "max-w-xl",
              size === "lg" && "max-w-4xl",
            )}
          >
            <header className="flex items-start gap-4 px-5 pt-4">
              <div className="min-w-0 flex-1">
                <BaseDialog.Title className="text-lg font-semibold wrap-anywhere">{title}</BaseDialog.Title>
                {description && (
                  <BaseDialog.Description className="mt-1 text-fg-2" render={<div />}>
                    {description}
                  </BaseDialog.Description>
                )}
              </div>
              {/* no tooltip: Escape would close that first */}
              <Button variant="ghost" size="icon" aria-label="Close" onClick={onClose} className="-mt-1 -mr-2">
                <X aria-hidden className="size-4" />
              </Button>
            </header>
            {children && (
              <div ref={content} className="min-w-0 px-5 pt-4">
                {children}
              </div>
            )}
            <footer className={cx("flex flex-wrap justify-end gap-2 px-5 py-4", !footer && "h-1 p-0 pb-4")}>
              {footer}
            </footer>
          </BaseDialog.Popup>
        </BaseDialog.Viewport>
      </BaseDialog.Portal>
    </BaseDialog.Root>
  );
}
