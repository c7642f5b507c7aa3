import type { ReactNode } from "react";
import { cx } from "@/lib/cx";

type PageProps = {
  title: ReactNode;
  /** Beside the title: the state of what the page is about. */
  state?: ReactNode;
  description?: ReactNode;
  actions?: ReactNode;
  tabs?: ReactNode;
  /** The page is as high as the window and scrolls inside (tables, logs). */
  full?: boolean;
  children: ReactNode;
};

export function Page({ title, state, description, actions, tabs, full = false, children }: PageProps) {
  return (
    <div className={cx("flex flex-col", full && "h-full min-h-0")}>
      <div className={cx("px-4 pt-5 md:px-6", !tabs && "pb-4")}>
        <div className="flex flex-wrap items-start gap-x-4 gap-y-3">
          <div className="min-w-0">
            <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
              <h1 className="text-xl font-semibold tracking-tight wrap-anywhere">{title}</h1>
              {state}
            </div>
            {description && <div className="mt-1 text-sm text-fg-2">{description}</div>}
          </div>
          {actions && <div className="ml-auto flex flex-wrap items-center gap-2">{actions}</div>}
        </div>
        {tabs}
      </div>
      {children}
    </div>
  );
}
