import { zodResolver } from "@hookform/resolvers/zod";
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import {
  type ControllerRenderProps,
  type DefaultValues,
  type FieldValues,
  type Path,
  type UseFormReturn,
  useController,
  useForm,
} from "react-hook-form";
import type { z } from "zod";
import { CopyText } from "@/kit/copy-text";
import { Field, FieldGroup } from "@/kit/field";
import { Notice } from "@/kit/notice";
import { toProblem } from "@/kit/problem";
import { operationState } from "@/kit/status";

// Forms: zod decides what is valid, react-hook-form keeps the values, and the server has the last word.

/** A form whose values `schema` checks. Every field needs a default value. */
export function useZodForm<T extends FieldValues>(schema: z.ZodType<T, T>, defaultValues: DefaultValues<NoInfer<T>>) {
  return useForm<T>({ resolver: zodResolver(schema), mode: "onTouched", defaultValues });
}

type FormFieldProps<T extends FieldValues, N extends Path<T>> = {
  form: UseFormReturn<T>;
  name: N;
  label: ReactNode;
  hint?: ReactNode;
  optional?: boolean;
  /** button: the control is a Select; group: it is several (ChoiceCards, KeyValues). */
  kind?: "input" | "button" | "group";
  children: (field: ControllerRenderProps<T, N>) => ReactNode;
};

/** A field of a form: its control with label, hint and error. */
export function FormField<T extends FieldValues, N extends Path<T>>(props: FormFieldProps<T, N>) {
  const { form, name, label, hint, optional, kind = "input", children } = props;
  const { field, fieldState } = useController({ control: form.control, name });
  const error = messageOf(fieldState.error);
  const shared = { label, hint, optional, error };
  if (kind === "group") return <FieldGroup {...shared}>{children(field)}</FieldGroup>;
  return (
    <Field {...shared} name={name} button={kind === "button"}>
      {children(field)}
    </Field>
  );
}

/** The first message of an error; that of a list or a map is the first of its members'. */
function messageOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const { message } = error as { message?: unknown };
  if (typeof message === "string" && message !== "") return message;
  for (const [key, member] of Object.entries(error)) {
    const found = key === "ref" ? undefined : messageOf(member);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** "/limits/cpu~1quota" is limits.cpu/quota */
const pathOf = (pointer: string) =>
  pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));

/** The longest beginning of `parts` that is a field of the form. */
function fieldAt(values: unknown, parts: string[]) {
  const found: string[] = [];
  let at = values;
  for (const part of parts) {
    if (typeof at !== "object" || at === null || !(part in at)) break;
    found.push(part);
    at = (at as Record<string, unknown>)[part];
  }
  return found.length > 0 ? found.join(".") : undefined;
}

/**
 * Puts what the server found wrong at the fields it names. Returns those fields, and the messages that no field takes.
 * `names` says which field of the form a JSON Pointer of the request is, where they differ.
 */
export function applyProblem<T extends FieldValues>(
  form: UseFormReturn<T>,
  error: unknown,
  names: Record<string, Path<T>> = {},
) {
  const fields: Path<T>[] = [];
  const rest: string[] = [];
  for (const { pointer, message } of toProblem(error).violations) {
    const field = (names[pointer] ?? fieldAt(form.getValues(), pathOf(pointer))) as Path<T> | undefined;
    if (field === undefined) {
      rest.push(pointer ? `${pathOf(pointer).join(".")}: ${message}` : message);
      continue;
    }
    if (!fields.includes(field)) form.setError(field, { type: "server", message });
    fields.push(field);
  }
  return { fields, rest };
}

/** Moves the focus to the first control that is refused, in the order of the page. */
export function focusFirstInvalid(root: HTMLElement | null) {
  const field = root?.querySelector("[data-invalid]");
  if (!field) return;
  const control =
    "input:not([type=hidden]):not([aria-hidden=true]), textarea, [role=radio], [role=checkbox], [role=switch], button";
  const target = field.matches(control) ? field : field.querySelector(control);
  (target as HTMLElement | null)?.focus();
}

export type Failure = { error: unknown; rest: string[] };

/** Sends a form: `send` gets valid values; what it throws comes back at the fields and as `failure`. */
export function useSend<T extends FieldValues>(
  form: UseFormReturn<T>,
  send: (values: T) => Promise<unknown>,
  names?: Record<string, Path<T>>,
) {
  const element = useRef<HTMLFormElement>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const refused = useRef(false);
  const { isSubmitting, submitCount } = form.formState;
  // It is counted together with what was found wrong: by then each field shows it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: after each attempt
  useEffect(() => {
    if (refused.current) focusFirstInvalid(element.current);
    refused.current = false;
  }, [submitCount]);
  const showErrors = () => {
    refused.current = true;
  };
  const submit = form.handleSubmit(async (values) => {
    setFailure(null);
    try {
      await send(values);
    } catch (error) {
      const { rest } = applyProblem(form, error, names);
      setFailure({ error, rest });
      showErrors();
    }
  }, showErrors);
  return {
    failure,
    sending: isSubmitting,
    props: { ref: element, noValidate: true, onSubmit: (event: FormEvent) => void submit(event) },
  };
}

/** Why the server refused, with what no field could show. */
export function FormFailure({ failure }: { failure: Failure | null }) {
  if (failure === null) return null;
  const { cause, request_id } = toProblem(failure.error);
  return (
    <Notice role="alert" state={operationState("failed")} title={cause}>
      {(failure.rest.length > 0 || request_id !== undefined) && (
        <>
          {failure.rest.length > 0 && (
            <ul className="list-disc pl-4">
              {failure.rest.map((message) => (
                <li key={message}>{message}</li>
              ))}
            </ul>
          )}
          {request_id && (
            <p className="mt-1">
              Request <CopyText text={request_id} className="text-bad-fg" />
            </p>
          )}
        </>
      )}
    </Notice>
  );
}
