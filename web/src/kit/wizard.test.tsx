import { act, render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { beforeEach, expect, test, vi } from "vitest";
import { z } from "zod";
import { FormField, useZodForm } from "@/kit/form";
import { Input } from "@/kit/input";
import { Wizard, WizardReview } from "@/kit/wizard";
import { loadDraft, saveDraft, useFormDraft } from "@/lib/drafts";

const schema = z.object({
  uri: z.string().min(1, "Enter where it comes from."),
  name: z.string().regex(/^[a-z-]{3,}$/, "Use lowercase letters."),
});
const key = { user: "usr_1", name: "wizard", version: 1 };
const submit = vi.fn(async (_values: z.infer<typeof schema>): Promise<void> => {});
beforeEach(() => void submit.mockReset());

let path: string[] = [];
function Registration({ start = "source", blocked }: { start?: string; blocked?: string }) {
  const [step, setStep] = useState(start);
  const form = useZodForm(schema, { uri: "", name: "" });
  const draft = useFormDraft(form, key);
  const values = form.watch();
  return (
    <Wizard
      label="Steps"
      form={form}
      schema={schema}
      draft={draft}
      step={step}
      onStep={(id) => {
        path.push(id);
        setStep(id);
      }}
      verb="Register model"
      onSubmit={submit}
      steps={[
        {
          id: "source",
          label: "Source",
          heading: "Where from?",
          summary: values.uri || "Where it comes from",
          fields: ["uri"],
          blocked,
          content: (
            <FormField form={form} name="uri" label="Address">
              {(field) => <Input {...field} />}
            </FormField>
          ),
        },
        {
          id: "identity",
          label: "Identity",
          heading: "What is it called?",
          fields: ["name"],
          content: (
            <FormField form={form} name="name" label="Name">
              {(field) => <Input {...field} />}
            </FormField>
          ),
        },
        {
          id: "review",
          label: "Review",
          heading: "Review",
          content: <WizardReview sections={[{ step: "source", rows: [["Address", values.uri]] }]} />,
        },
      ]}
    />
  );
}
beforeEach(() => {
  path = [];
});
const go = () => userEvent.click(screen.getByRole("button", { name: "Continue" }));

test("a step must be valid before the next, and the first error takes the focus", async () => {
  render(<Registration />);
  await go();
  const address = screen.getByLabelText("Address");
  await waitFor(() => expect(address).toHaveFocus());
  expect(address).toHaveAccessibleDescription("Enter where it comes from.");
  await userEvent.type(address, "hub/resnet");
  await go();
  expect(screen.getByRole("heading", { name: "What is it called?" })).toHaveFocus();
  expect(screen.getByRole("button", { name: /Identity/ })).toHaveAttribute("aria-current", "step");
  expect(path).toEqual(["identity"]);
});

test("the rail shows what was chosen and leads only to steps that are reached", async () => {
  render(<Registration />);
  expect(screen.getByRole("button", { name: /Review/ })).toBeDisabled();
  await userEvent.type(screen.getByLabelText("Address"), "hub/resnet");
  expect(screen.getByText("hub/resnet")).toBeInTheDocument();
  expect(screen.getByRole("button", { name: /Identity/ })).toBeEnabled();
  expect(screen.getByRole("button", { name: /Review/ })).toBeDisabled();
});

test("a link to a step leads there when a draft completes those before it, else to the first open one", () => {
  saveDraft(key, { uri: "hub/resnet", name: "resnet" });
  const first = render(<Registration start="review" />);
  expect(screen.getByRole("heading", { name: "Review" })).toBeVisible();
  expect(screen.getByText("Draft restored.")).toBeVisible();
  expect(path).toEqual([]);
  first.unmount();

  saveDraft(key, { uri: "hub/resnet", name: "" });
  render(<Registration start="review" />);
  expect(screen.getByRole("heading", { name: "What is it called?" })).toBeVisible();
  expect(path).toEqual(["identity"]);
});

test("the review leads back to a section, and the last step sends and forgets the draft", async () => {
  saveDraft(key, { uri: "hub/resnet", name: "resnet" });
  render(<Registration start="review" />);
  await userEvent.click(screen.getByRole("button", { name: "Edit Source" }));
  expect(screen.getByLabelText("Address")).toHaveValue("hub/resnet");
  await go();
  await go();
  await userEvent.click(screen.getByRole("button", { name: "Register model" }));
  expect(submit).toHaveBeenCalledWith({ uri: "hub/resnet", name: "resnet" });
  expect(loadDraft(key)).toBeNull();
});

test("what the server refuses opens its step at the field", async () => {
  saveDraft(key, { uri: "hub/resnet", name: "resnet" });
  submit.mockRejectedValue({ title: "Not valid.", violations: [{ pointer: "/name", message: "The name is taken." }] });
  render(<Registration start="review" />);
  await userEvent.click(screen.getByRole("button", { name: "Register model" }));
  await waitFor(() => expect(screen.getByLabelText("Name")).toHaveFocus());
  expect(screen.getByLabelText("Name")).toHaveAccessibleDescription("The name is taken.");
  expect(screen.getByRole("alert")).toHaveTextContent("Not valid.");
  expect(loadDraft(key)).not.toBeNull();
});

test("while it is sent nothing can be pressed twice", async () => {
  saveDraft(key, { uri: "hub/resnet", name: "resnet" });
  let done = () => {};
  submit.mockImplementation(() => new Promise((resolve) => (done = () => resolve())));
  render(<Registration start="review" />);
  const button = screen.getByRole("button", { name: "Register model" });
  await userEvent.click(button);
  await userEvent.click(button);
  expect(button).toHaveAttribute("aria-busy", "true");
  expect(submit).toHaveBeenCalledOnce();
  await act(async () => done());
  expect(button).not.toHaveAttribute("aria-busy");
});

test("a step that is blocked says why", async () => {
  render(<Registration blocked="The upload has not ended." />);
  await userEvent.type(screen.getByLabelText("Address"), "hub/resnet");
  const button = screen.getByRole("button", { name: "Continue" });
  expect(button).toHaveAccessibleDescription("The upload has not ended.");
  await userEvent.click(button);
  expect(screen.getByLabelText("Address")).toBeVisible();
});

test("discarding the draft empties every step", async () => {
  saveDraft(key, { uri: "hub/resnet", name: "resnet" });
  render(<Registration start="review" />);
  await userEvent.click(screen.getByRole("button", { name: "Discard draft" }));
  expect(screen.getByLabelText("Address")).toHaveValue("");
  expect(loadDraft(key)).toBeNull();
});
