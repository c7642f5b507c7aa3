import { Button as BaseButton } from "@base-ui/react/button";
import { LoaderCircle } from "lucide-react";
import type { ComponentProps, MouseEvent } from "react";
import { cx } from "@/lib/cx";

export type ButtonVariant = "primary" | "secondary" | "ghost" | "danger";
export type ButtonSize = "sm" | "md" | "icon";

/** The look of a button, for links that act like one. */
export const buttonClass = (variant: ButtonVariant = "secondary", size: ButtonSize = "md", extra?: string) =>
  cx(
    "inline-flex shrink-0 select-none items-center justify-center gap-1.5 rounded-md font-medium whitespace-nowrap",
    "transition-colors duration-100 data-disabled:opacity-50 data-disabled:pointer-events-none",
    size === "sm" && "h-7 px-2.5 text-xs",
    size === "md" && "h-8 px-3 text-sm",
    size === "icon" && "size-8",
    variant === "primary" && "bg-ink text-on-ink hover:opacity-88",
    variant === "secondary" && "border border-line-strong bg-surface text-fg shadow-card hover:bg-hover",
    variant === "ghost" && "text-fg-2 hover:bg-hover hover:text-fg",
    variant === "danger" && "border border-line-strong bg-surface text-bad-fg hover:bg-bad-tint",
    extra,
  );

export type ButtonProps = Omit<ComponentProps<typeof BaseButton>, "className"> & {
  variant?: ButtonVariant;
  size?: ButtonSize;
  className?: string;
  /** The action runs: a spinner shows, and pressing again does nothing. The button keeps its focus. */
  busy?: boolean;
};

/** The focus stays in a field until the click is complete: its error, shown on blur, would move the button away. */
export const keepFocus = (event: MouseEvent) => event.preventDefault();

export function Button({ variant, size, className, busy = false, disabled, children, ...props }: ButtonProps) {
  return (
    <BaseButton
      onMouseDown={props.type === "submit" ? keepFocus : undefined}
      {...props}
      disabled={disabled || busy}
      focusableWhenDisabled={busy || props.focusableWhenDisabled === true}
      aria-busy={busy || undefined}
      className={buttonClass(variant, size, className)}
    >
      {busy && <LoaderCircle aria-hidden className="spin size-4" />}
      {children}
    </BaseButton>
  );
}
