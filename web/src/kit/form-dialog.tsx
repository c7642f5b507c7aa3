import { type ReactNode, useId } from "react";
import type { FieldValues, Path, UseFormReturn } from "react-hook-form";
import { Button, keepFocus } from "@/kit/button";
import { Dialog } from "@/kit/dialog";
import { FormFailure, useSend } from "@/kit/form";

type FormDialogProps<T extends FieldValues> = {
  onClose: () => void;
  title: ReactNode;
  description?: ReactNode;
  form: UseFormReturn<T>;
  /** What the button does. The dialog stays open, with what the server found wrong, until it has succeeded. */
  send: (values: T) => Promise<unknown>;
  verb: string;
  /** Which field of the form a JSON Pointer of the request is, where they differ. */
  names?: Record<string, Path<T>>;
  size?: "sm" | "md" | "lg";
  /** `send` decides itself when the dialog closes: what comes of it may be another question. */
  keepOpen?: boolean;
  children: ReactNode;
};

/** A form in a dialog. It is rendered while it is open, so that it begins anew each time. */
export function FormDialog<T extends FieldValues>(props: FormDialogProps<T>) {
  const { onClose, title, description, form, send, verb, names, size, keepOpen = false, children } = props;
  const id = useId();
  const sent = useSend(
    form,
    async (values) => {
      await send(values);
      if (!keepOpen) onClose();
    },
    names,
  );
  return (
    <Dialog
      open
      onClose={onClose}
      title={title}
      description={description}
      size={size}
      footer={
        <>
          <Button onMouseDown={keepFocus} onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" form={id} variant="primary" busy={sent.sending}>
            {verb}
          </Button>
        </>
      }
    >
      <form id={id} {...sent.props} className="grid gap-4">
        {children}
        <FormFailure failure={sent.failure} />
      </form>
    </Dialog>
  );
}
