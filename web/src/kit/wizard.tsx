import { ArrowLeft, ArrowRight, Check } from "lucide-react";
import { createContext, type FormEvent, type ReactNode, useContext, useEffect, useId, useRef, useState } from "react";
import type { FieldValues, Path, UseFormReturn } from "react-hook-form";
import type { z } from "zod";
import { Button } from "@/kit/button";
import { applyProblem, type Failure, FormFailure, focusFirstInvalid } from "@/kit/form";
import { Progress } from "@/kit/progress";
import { cx } from "@/lib/cx";
import type { Draft } from "@/lib/drafts";
import { dateTime } from "@/lib/format";

export type WizardStep<T extends FieldValues> = {
  id: string;
  /** In the rail: "Source". */
  label: string;
  /** Above the step, as a question: "Where does the model come from?" */
  heading: string;
  /** In the rail under the label: what has been chosen, or what will be. */
  summary?: ReactNode;
  /** The fields that it asks for; they must be valid before the next step. */
  fields?: readonly Path<T>[];
  /** Why one cannot go on yet, though the fields are valid: "The upload has not ended." */
  blocked?: string;
  content: ReactNode;
};

type WizardProps<T extends FieldValues> = {
  /** "Registration steps" */
  label: string;
  form: UseFormReturn<T>;
  schema: z.ZodType<T, T>;
  steps: readonly WizardStep<T>[];
  /** From the URL, and back to it. */
  step: string;
  onStep: (id: string) => void;
  /** The verb of the last step: "Register model". */
  verb: string;
  onSubmit: (values: T) => Promise<unknown>;
  /** How far the submission is. */
  progress?: { label: string; value: number | null; detail?: ReactNode };
  /** Which field a JSON Pointer of the request is, where they differ. */
  names?: Record<string, Path<T>>;
  draft?: Draft;
  /** Beside the form: the evidence on which to decide. */
  aside?: ReactNode;
};

type Navigation = { go: (id: string) => void; labelOf: (id: string) => string };
const WizardContext = createContext<Navigation | null>(null);

/**
 * Steps with a rail, one form, and evidence beside it. A step is reached once all before it are complete, by whatever
 * way: a draft, a link, Back. Give it a container of any width; it stacks.
 */
export function Wizard<T extends FieldValues>(props: WizardProps<T>) {
  const { label, form, schema, steps, step, onStep, verb, onSubmit, progress, names, draft, aside } = props;
  const values = form.watch();
  const open = firstOpen(schema, steps, values);
  const wanted = Math.max(
    0,
    steps.findIndex((other) => other.id === step),
  );
  const at = Math.min(wanted, open);
  const current = steps[at]!;
  const isLast = at === steps.length - 1;
  const body = useRef<HTMLDivElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const shown = useRef(current.id);
  const showErrors = useRef(false);
  const [refusals, setRefusals] = useState(0);
  const [sending, setSending] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const blockedId = useId();

  // A link to a step that is not reached yet leads to the first that is open.
  useEffect(() => {
    if (current.id !== step && !sending) onStep(current.id);
  }, [current.id, step, onStep, sending]);

  useEffect(() => {
    if (shown.current === current.id) return;
    shown.current = current.id;
    if (showErrors.current) focusFirstInvalid(body.current);
    else heading.current?.focus();
    showErrors.current = false;
  }, [current.id]);

  // Drawn together with what was found wrong.
  useEffect(() => {
    if (refusals > 0) focusFirstInvalid(body.current);
  }, [refusals]);

  const go = (id: string) => {
    if (!sending) onStep(id);
  };
  const next = async (event: FormEvent) => {
    event.preventDefault();
    if (sending || current.blocked !== undefined) return;
    if (!(await form.trigger([...(current.fields ?? [])]))) {
      setRefusals((before) => before + 1);
      return;
    }
    if (!isLast) {
      go(steps[at + 1]!.id);
      return;
    }
    setFailure(null);
    const parsed = schema.safeParse(form.getValues());
    if (!parsed.success) {
      setFailure({
        error: "Not everything is valid yet.",
        rest: parsed.error.issues.map((issue) => issue.message),
      });
      return;
    }
    setSending(true);
    try {
      await onSubmit(parsed.data);
      draft?.finish();
    } catch (error) {
      fail(error);
    }
    setSending(false);
  };
  const fail = (error: unknown) => {
    const { fields, rest } = applyProblem(form, error, names);
    setFailure({ error, rest });
    const refused = steps.find((other) => other.fields?.some((field) => fields.includes(field)));
    if (!refused) return;
    showErrors.current = true;
    onStep(refused.id);
  };
  const labelOf = (id: string) => steps.find((other) => other.id === id)?.label ?? id;

  return (
    <WizardContext value={{ go, labelOf }}>
      <div className="@container">
        <form
          noValidate
          onSubmit={(event) => void next(event)}
          className={cx(
            "grid grid-cols-[minmax(0,38rem)] items-start gap-6 px-4 pb-10 md:px-6 @min-[66rem]:gap-8",
            aside
              ? "@min-[52rem]:grid-cols-[minmax(24rem,38rem)_minmax(16rem,21rem)] @min-[66rem]:grid-cols-[13rem_minmax(0,38rem)_minmax(17rem,21rem)]"
              : "@min-[52rem]:grid-cols-[13rem_minmax(0,38rem)]",
          )}
        >
          <Rail
            label={label}
            steps={steps}
            at={at}
            open={open}
            locked={sending}
            onGo={go}
            hasAside={aside !== undefined}
          />
          <div className="min-w-0 rounded-lg border border-line bg-surface shadow-card">
            <div ref={body} className="grid gap-5 p-4 @min-[30rem]:p-6">
              <h2 ref={heading} tabIndex={-1} className="text-lg font-semibold outline-none">
                {current.heading}
              </h2>
              <FormFailure failure={failure} />
              <div key={current.id} className="grid min-w-0 gap-5">
                {current.content}
              </div>
            </div>
            {sending && progress && (
              <div className="border-t border-line px-4 py-3.5 @min-[30rem]:px-6">
                <Progress {...progress} />
              </div>
            )}
            <footer className="flex flex-wrap items-center gap-x-4 gap-y-2 border-t border-line px-4 py-3.5 @min-[30rem]:px-6">
              <p className="text-xs text-fg-3">
                Step {at + 1} of {steps.length}. <DraftNote draft={draft} />
              </p>
              <div className="ml-auto flex items-center gap-2">
                {at > 0 && (
                  <Button onClick={() => go(steps[at - 1]!.id)} disabled={sending}>
                    <ArrowLeft aria-hidden className="size-4" />
                    Back
                  </Button>
                )}
                <Button
                  type="submit"
                  variant="primary"
                  busy={sending}
                  disabled={current.blocked !== undefined}
                  focusableWhenDisabled
                  aria-describedby={current.blocked === undefined ? undefined : blockedId}
                >
                  {isLast ? verb : "Continue"}
                  {!isLast && <ArrowRight aria-hidden className="size-4" />}
                </Button>
              </div>
              {current.blocked !== undefined && (
                <p id={blockedId} role="status" className="w-full text-right text-xs text-fg-2">
                  {current.blocked}
                </p>
              )}
            </footer>
          </div>
          {aside && <div className="min-w-0 @min-[52rem]:sticky @min-[52rem]:top-4">{aside}</div>}
        </form>
      </div>
    </WizardContext>
  );
}

/** The first step that is not complete; the last one when all before it are. */
function firstOpen<T extends FieldValues>(schema: z.ZodType<T, T>, steps: readonly WizardStep<T>[], values: T) {
  const parsed = schema.safeParse(values);
  const refused = parsed.success ? [] : parsed.error.issues.map((issue) => issue.path.join("."));
  const index = steps.findIndex(
    (step) =>
      step.blocked !== undefined ||
      step.fields?.some((field) => refused.some((path) => path === field || path.startsWith(`${field}.`))),
  );
  return index === -1 ? steps.length - 1 : index;
}

function DraftNote({ draft }: { draft?: Draft }) {
  if (!draft || draft.savedAt === null) return null;
  return (
    <>
      <span title={dateTime(draft.savedAt)}>{draft.restored ? "Draft restored." : "Draft saved on this device."}</span>{" "}
      <button type="button" onClick={draft.discard} className="rounded-sm underline hover:text-fg">
        Discard draft
      </button>
    </>
  );
}

type RailProps<T extends FieldValues> = {
  label: string;
  steps: readonly WizardStep<T>[];
  at: number;
  open: number;
  locked: boolean;
  onGo: (id: string) => void;
  hasAside: boolean;
};

function Rail<T extends FieldValues>({ label, steps, at, open, locked, onGo, hasAside }: RailProps<T>) {
  // With evidence beside the form there is room for an upright rail only later.
  const upright = hasAside
    ? {
        nav: "@min-[52rem]:col-span-full @min-[66rem]:sticky @min-[66rem]:top-4 @min-[66rem]:col-span-1",
        list: "@min-[66rem]:grid @min-[66rem]:gap-5",
        line: "@min-[66rem]:block",
        summary: "@min-[66rem]:line-clamp-2",
      }
    : {
        nav: "@min-[52rem]:sticky @min-[52rem]:top-4",
        list: "@min-[52rem]:grid @min-[52rem]:gap-5",
        line: "@min-[52rem]:block",
        summary: "@min-[52rem]:line-clamp-2",
      };
  return (
    <nav aria-label={label} className={upright.nav}>
      <ol className={cx("flex flex-wrap gap-x-6 gap-y-2", upright.list)}>
        {steps.map((step, index) => {
          const done = index < at;
          const now = index === at;
          return (
            <li key={step.id} className="relative min-w-0">
              {index < steps.length - 1 && (
                <span
                  aria-hidden
                  className={cx(
                    "absolute top-7 -bottom-5 left-3 hidden w-px",
                    done ? "bg-ink" : "bg-line-strong",
                    upright.line,
                  )}
                />
              )}
              <button
                type="button"
                disabled={index > open || locked}
                aria-current={now ? "step" : undefined}
                onClick={() => onGo(step.id)}
                className="group flex w-full items-start gap-3 rounded-md text-left"
              >
                <span
                  aria-hidden
                  className={cx(
                    "tnum relative grid size-6 shrink-0 place-items-center rounded-full border bg-bg text-xs font-medium",
                    done && "border-ink bg-ink text-on-ink",
                    now && "border-ink text-fg ring-3 ring-hover",
                    !done && !now && "border-line-strong text-fg-3",
                  )}
                >
                  {done ? <Check className="size-3.5" strokeWidth={2.5} /> : index + 1}
                </span>
                <span className="min-w-0 pt-0.5">
                  <span
                    className={cx(
                      "block text-sm font-medium group-enabled:group-hover:underline",
                      !done && !now && "text-fg-2",
                    )}
                  >
                    {step.label}
                    {done && <span className="sr-only">, done</span>}
                  </span>
                  {step.summary && (
                    <span className={cx("hidden text-xs text-fg-3 wrap-anywhere", upright.summary)}>
                      {step.summary}
                    </span>
                  )}
                </span>
              </button>
            </li>
          );
        })}
      </ol>
    </nav>
  );
}

export type ReviewSection = { step: string; rows: readonly (readonly [label: string, value: ReactNode])[] };

/** The last step: everything that was chosen, each section with a way back to its step. */
export function WizardReview({ sections }: { sections: readonly ReviewSection[] }) {
  const navigation = useContext(WizardContext);
  return (
    <div className="grid gap-5">
      {sections.map(({ step, rows }) => (
        <section key={step} aria-label={navigation?.labelOf(step)}>
          <div className="flex items-center justify-between border-b border-line pb-1">
            <h3 className="text-sm font-medium">{navigation?.labelOf(step)}</h3>
            <Button variant="ghost" size="sm" onClick={() => navigation?.go(step)}>
              Edit
              <span className="sr-only"> {navigation?.labelOf(step)}</span>
            </Button>
          </div>
          <dl className="mt-2 grid grid-cols-[minmax(6rem,9rem)_minmax(0,1fr)] gap-x-3 gap-y-1.5">
            {rows.map(([label, value]) => (
              <div key={label} className="contents">
                <dt className="text-fg-3">{label}</dt>
                <dd className="min-w-0 wrap-anywhere">{value ?? <span className="text-fg-3">None</span>}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </div>
  );
}

/** The evidence beside a wizard: what is known so far. */
export function EvidencePanel({ title, note, children }: { title: string; note?: ReactNode; children: ReactNode }) {
  return (
    <aside aria-label={title} className="rounded-lg border border-line bg-sunken">
      <header className="flex min-h-10 items-center gap-2 border-b border-line px-4">
        <h2 className="text-sm font-medium">{title}</h2>
        {note && <span className="ml-auto text-xs text-fg-3">{note}</span>}
      </header>
      <div className="grid gap-4 p-4">{children}</div>
    </aside>
  );
}
