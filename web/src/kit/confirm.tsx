import { AlertDialog } from "@base-ui/react/alert-dialog";
import { type FormEvent, type ReactNode, useState } from "react";
import { Button } from "@/kit/button";
import { Field } from "@/kit/field";
import { Input } from "@/kit/input";
import { Notice } from "@/kit/notice";
import { toProblem } from "@/kit/problem";
import { operationState } from "@/kit/status";

type ConfirmProps = {
  onClose: () => void;
  title: string;
  /** What will happen, and what will not. */
  children?: ReactNode;
  /** The verb of the button: "Delete model". */
  verb: string;
  /** The dialog stays open until it has succeeded, and shows why it did not. */
  onConfirm: () => unknown;
  /** For what cannot be undone: the name that must be typed. */
  typed?: string;
  danger?: boolean;
  /** `onConfirm` decides itself when the question closes: what comes of it may be another dialog. */
  keepOpen?: boolean;
};

/** A question before something is done. It is rendered while it is open, so that it begins anew each time. */
export function Confirm(props: ConfirmProps) {
  const { onClose, title, children, verb, onConfirm, typed, danger = typed !== undefined, keepOpen = false } = props;
  const [text, setText] = useState("");
  const [running, setRunning] = useState(false);
  const [error, setError] = useState<unknown>();
  const ready = typed === undefined || text.trim() === typed;

  const confirm = async (event: FormEvent) => {
    event.preventDefault();
    if (!ready || running) return;
    setRunning(true);
    setError(undefined);
    try {
      await onConfirm();
      if (!keepOpen) onClose();
    } catch (thrown) {
      setError(thrown);
      setRunning(false);
    }
  };

  return (
    <AlertDialog.Root open onOpenChange={(next) => !next && onClose()}>
      <AlertDialog.Portal>
        <AlertDialog.Backdrop className="fixed inset-0 z-40 bg-black/25 dark:bg-black/55" />
        <AlertDialog.Viewport className="fixed inset-0 z-50 flex items-start justify-center overflow-y-auto px-3 py-[14vh]">
          <AlertDialog.Popup className="w-full max-w-md rounded-xl bg-surface p-5 shadow-pop outline-none">
            <form onSubmit={(event) => void confirm(event)} className="grid gap-4" noValidate>
              <div>
                <AlertDialog.Title className="text-lg font-semibold wrap-anywhere">{title}</AlertDialog.Title>
                {children && (
                  <AlertDialog.Description className="mt-1 text-fg-2 wrap-anywhere" render={<div />}>
                    {children}
                  </AlertDialog.Description>
                )}
              </div>
              {typed !== undefined && (
                <Field
                  label={
                    <>
                      Type <code className="font-mono text-xs font-semibold">{typed}</code> to confirm
                    </>
                  }
                >
                  <Input mono value={text} onChange={(event) => setText(event.target.value)} />
                </Field>
              )}
              {error !== undefined && (
                <Notice role="alert" state={operationState("failed")} title={toProblem(error).cause} />
              )}
              <div className="flex justify-end gap-2">
                <Button onClick={onClose}>Cancel</Button>
                <Button type="submit" variant={danger ? "danger" : "primary"} disabled={!ready} busy={running}>
                  {verb}
                </Button>
              </div>
            </form>
          </AlertDialog.Popup>
        </AlertDialog.Viewport>
      </AlertDialog.Portal>
    </AlertDialog.Root>
  );
}
