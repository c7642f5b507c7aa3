import type { ReactNode } from "react";
import { type State, toneText, toneTint } from "@/kit/status";
import { cx } from "@/lib/cx";

type NoticeProps = {
  state: State;
  title: ReactNode;
  children?: ReactNode;
  role?: "alert" | "status";
  className?: string;
};

/** A remark in the page with a state's icon: a warning of the analysis, why a form was refused. */
export function Notice({ state, title, children, role, className }: NoticeProps) {
  return (
    <div role={role} className={cx("rounded-md p-3", toneTint(state.tone), toneText(state.tone), className)}>
      <p className="flex items-start gap-2 font-medium">
        <state.icon aria-label={state.label} role="img" className="mt-0.75 size-3.5 shrink-0" />
        <span className="min-w-0 wrap-anywhere">{title}</span>
      </p>
      {children && <div className="mt-1 pl-5.5 text-xs wrap-anywhere">{children}</div>}
    </div>
  );
}
