import { render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import { z } from "zod";
import { Button } from "@/kit/button";
import { ChoiceCards } from "@/kit/choice-cards";
import { FormFailure, FormField, useSend, useZodForm } from "@/kit/form";
import { Input } from "@/kit/input";
import { Select } from "@/kit/select";

const schema = z.object({
  name: z.string().min(1, "Give it a name."),
  engine: z.string().nullable(),
  visibility: z.enum(["team", "public"]),
  limits: z.object({ replicas: z.string() }),
});
type Values = z.infer<typeof schema>;

function Form({ send, start }: { send: (values: Values) => Promise<unknown>; start?: Partial<Values> }) {
  const form = useZodForm(schema, { name: "", engine: null, visibility: "team", limits: { replicas: "1" }, ...start });
  const sending = useSend(form, send, { "/spec/engine": "engine" });
  return (
    <form {...sending.props}>
      <FormFailure failure={sending.failure} />
      <FormField form={form} name="visibility" label="Visibility" kind="group">
        {(field) => (
          <ChoiceCards
            {...field}
            options={[
              { value: "team", label: "Team" },
              { value: "public", label: "Public", blocked: "Not here" },
            ]}
          />
        )}
      </FormField>
      <FormField form={form} name="engine" label="Engine" kind="button">
        {(field) => <Select {...field} options={[{ value: "onnx", label: "ONNX Runtime" }]} />}
      </FormField>
      <FormField form={form} name="name" label="Name" hint="For addresses">
        {(field) => <Input {...field} />}
      </FormField>
      <FormField form={form} name="limits.replicas" label="Replicas">
        {(field) => <Input {...field} />}
      </FormField>
      <Button type="submit" busy={sending.sending}>
        Save
      </Button>
    </form>
  );
}
const save = () => userEvent.click(screen.getByRole("button", { name: "Save" }));

test("valid values are sent", async () => {
  const send = vi.fn(async () => {});
  render(<Form send={send} />);
  await userEvent.type(screen.getByLabelText("Name"), "resnet");
  await userEvent.click(screen.getByRole("combobox", { name: "Engine" }));
  await userEvent.click(await screen.findByRole("option", { name: "ONNX Runtime" }));
  await save();
  expect(send).toHaveBeenCalledWith({
    name: "resnet",
    engine: "onnx",
    visibility: "team",
    limits: { replicas: "1" },
  });
});

test("what is not valid says so at its field, which takes the focus", async () => {
  const send = vi.fn(async () => {});
  render(<Form send={send} />);
  expect(screen.getByLabelText("Name")).toHaveAccessibleDescription("For addresses");
  await save();
  const name = screen.getByLabelText("Name");
  await waitFor(() => expect(name).toHaveFocus());
  expect(name).toHaveAttribute("aria-invalid", "true");
  expect(name).toHaveAccessibleDescription("Give it a name.");
  expect(send).not.toHaveBeenCalled();
});

test("violations of the server come to the fields they point at, and the rest is told above", async () => {
  const refuse = async () => {
    throw {
      title: "Bad Request",
      detail: "The request is not valid.",
      status: 422,
      request_id: "req_1",
      violations: [
        { pointer: "/limits/replicas", message: "At most 8." },
        { pointer: "/spec/engine", message: "Does not serve this model." },
        { pointer: "/quota", message: "Used up." },
      ],
    };
  };
  render(<Form send={refuse} start={{ name: "resnet" }} />);
  await save();
  await waitFor(() => expect(screen.getByRole("combobox", { name: "Engine" })).toHaveFocus());
  expect(screen.getByText("Does not serve this model.")).toBeVisible();
  expect(screen.getByLabelText("Replicas")).toHaveAccessibleDescription("At most 8.");
  expect(screen.getByRole("alert")).toHaveTextContent("The request is not valid.quota: Used up.Request Copy req_1");
});

test("a refused field takes the focus also where a frame is over before it is drawn", async () => {
  vi.stubGlobal("requestAnimationFrame", (frame: FrameRequestCallback) => {
    frame(0);
    return 0;
  });
  const refuse = () => Promise.reject({ status: 422, violations: [{ pointer: "/name", message: "Is taken." }] });
  render(<Form send={refuse} start={{ name: "resnet" }} />);
  await save();
  await waitFor(() => expect(screen.getByLabelText("Name")).toHaveFocus());
  await userEvent.clear(screen.getByLabelText("Name"));
  await save();
  await waitFor(() => expect(screen.getByLabelText("Name")).toHaveAccessibleDescription("Give it a name."));
  expect(screen.getByLabelText("Name")).toHaveFocus();
});

test("an option that is blocked says why and cannot be chosen", async () => {
  render(<Form send={async () => {}} />);
  const blocked = screen.getByRole("radio", { name: /Public/ });
  expect(blocked).toHaveAccessibleName("Public Not here");
  await userEvent.click(blocked);
  expect(blocked).not.toBeChecked();
  expect(screen.getByRole("radiogroup", { name: "Visibility" })).toBeVisible();
});
