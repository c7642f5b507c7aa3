import { Toast } from "@base-ui/react/toast";
import { X } from "lucide-react";
import type { ReactNode } from "react";
import { toProblem } from "@/kit/problem";
import { operationState, Status } from "@/kit/status";
import { cx } from "@/lib/cx";

const manager = Toast.createToastManager<{ outcome: "succeeded" | "failed" }>();

type ToastOptions = {
  title: string;
  detail?: string;
  /** A failure stays until it is dismissed. */
  outcome?: "succeeded" | "failed";
  action?: { label: string; onClick: () => void };
};

/** Tells what came of the person's own action. What others do is shown where it happens. */
export function toast({ title, detail, outcome = "succeeded", action }: ToastOptions) {
  const id = manager.add({
    title,
    description: detail,
    data: { outcome },
    priority: outcome === "failed" ? "high" : "low",
    timeout: outcome === "failed" ? 0 : 6000,
    actionProps: action && {
      children: action.label,
      onClick: () => {
        action.onClick();
        manager.close(id);
      },
    },
  });
}

/** Tells that an action of the person's own, which has no dialog to say so, did not succeed. */
export const failed = (title: string, error: unknown) =>
  toast({ title, detail: toProblem(error).cause, outcome: "failed" });

/** Around the app, once. */
export function ToastProvider({ children }: { children: ReactNode }) {
  return (
    <Toast.Provider toastManager={manager}>
      {children}
      <Toast.Portal>
        <Toast.Viewport className="fixed right-4 bottom-4 z-60 flex w-[min(22rem,calc(100vw-2rem))] flex-col gap-2 outline-none">
          <Toasts />
        </Toast.Viewport>
      </Toast.Portal>
    </Toast.Provider>
  );
}

function Toasts() {
  const { toasts } = Toast.useToastManager<{ outcome: "succeeded" | "failed" }>();
  return toasts.map((item) => (
    <Toast.Root
      key={item.id}
      toast={item}
      swipeDirection={["right", "down"]}
      className={cx(
        "w-full rounded-lg bg-surface shadow-pop outline-none transition-opacity duration-100 data-limited:hidden",
        "data-ending-style:opacity-0 data-starting-style:opacity-0 motion-reduce:transition-none",
      )}
    >
      <Toast.Content className="flex items-start gap-3 p-3">
        <div className="min-w-0 flex-1">
          <Toast.Title render={<div />} className="font-medium wrap-anywhere">
            <Status
              state={operationState(item.data?.outcome ?? "succeeded")}
              label={String(item.title)}
              className="whitespace-normal"
            />
          </Toast.Title>
          <Toast.Description className="pl-5 text-xs text-fg-2 wrap-anywhere" />
        </div>
        {item.actionProps && (
          <Toast.Action className="h-7 shrink-0 rounded-md border border-line-strong px-2.5 text-xs font-medium hover:bg-hover" />
        )}
        <Toast.Close
          aria-label="Dismiss"
          className="grid size-6 shrink-0 place-items-center rounded-sm text-fg-3 hover:text-fg"
        >
          <X aria-hidden className="size-4" />
        </Toast.Close>
      </Toast.Content>
    </Toast.Root>
  ));
}
