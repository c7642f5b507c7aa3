import { render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { expect, test, vi } from "vitest";
import { Combobox, type ComboboxOption } from "@/kit/combobox";
import { Conflict } from "@/kit/conflict";
import { Field } from "@/kit/field";
import { type KeyValue, KeyValues } from "@/kit/key-values";
import { NumberField } from "@/kit/number-field";
import { SecretInput } from "@/kit/secret-input";
import { Switch } from "@/kit/switch";
import { type Tags, TagsInput } from "@/kit/tags-input";
import { ToastProvider, toast } from "@/kit/toast";

/** A control that keeps its own value and tells it. */
function Kept<T>({ start, children }: { start: T; children: (value: T, set: (next: T) => void) => React.ReactNode }) {
  const [value, set] = useState(start);
  return (
    <>
      {children(value, set)}
      <output data-testid="value">{JSON.stringify(value)}</output>
    </>
  );
}
const value = () => JSON.parse(screen.getByTestId("value").textContent!);

const models: ComboboxOption[] = [
  { value: "a", label: "resnet-50" },
  { value: "b", label: "bert-base" },
  { value: "c", label: "bert-large", blocked: "Not approved" },
];

test("a combobox finds by typing and says why an option is blocked", async () => {
  render(
    <Kept<ComboboxOption | null> start={null}>
      {(chosen, set) => (
        <Field label="Model">
          <Combobox options={models} value={chosen} onChange={set} />
        </Field>
      )}
    </Kept>,
  );
  await userEvent.type(screen.getByRole("combobox", { name: "Model" }), "bert");
  expect((await screen.findAllByRole("option")).map((option) => option.textContent)).toEqual([
    "bert-base",
    "bert-largeNot approved",
  ]);
  await userEvent.keyboard("{Enter}");
  expect(value()).toEqual({ value: "b", label: "bert-base" });
  await userEvent.click(screen.getByRole("button", { name: "Clear the choice" }));
  expect(value()).toBeNull();
});

test("a combobox that the server searches hears what is typed once it settles", async () => {
  const search = vi.fn();
  render(<Combobox label="Model" options={[]} value={null} onChange={() => {}} onSearch={search} searching />);
  await userEvent.type(screen.getByRole("combobox", { name: "Model" }), "llama");
  await waitFor(() => expect(search.mock.calls).toEqual([["llama"]]));
  expect(screen.getByText("Searching…")).toBeVisible();
});

test("a number by keys, within its bounds", async () => {
  render(
    <Kept<number | null> start={2}>
      {(n, set) => (
        <Field label="Replicas">
          <NumberField value={n} onChange={set} min={0} max={3} unit="copies" />
        </Field>
      )}
    </Kept>,
  );
  const box = screen.getByLabelText("Replicas");
  box.focus();
  await userEvent.keyboard("{ArrowUp}{ArrowUp}{ArrowUp}");
  expect(value()).toBe(3);
  await userEvent.click(screen.getByRole("button", { name: "Less" }));
  expect(value()).toBe(2);
  await userEvent.clear(box);
  expect(value()).toBeNull();
});

test("a switch is named by its label", async () => {
  render(<Kept start={false}>{(on, set) => <Switch label="Cache" checked={on} onChange={set} />}</Kept>);
  await userEvent.click(screen.getByRole("switch", { name: "Cache" }));
  expect(value()).toBe(true);
});

test("tags: Enter adds, Backspace takes back, a paste of several adds them", async () => {
  const check = (key: string) => (/^[a-z.]+$/.test(key) ? undefined : "Use lowercase letters.");
  render(
    <Kept<Tags> start={{ team: "vision" }}>
      {(tags, set) => (
        <Field label="Tags">
          <TagsInput value={tags} onChange={set} check={check} />
        </Field>
      )}
    </Kept>,
  );
  const box = screen.getByLabelText("Tags");
  await userEvent.type(box, "env=prod{Enter}gpu,");
  expect(value()).toEqual({ team: "vision", env: "prod", gpu: "" });
  await userEvent.keyboard("{Backspace}");
  expect(box).toHaveValue("gpu");
  await userEvent.clear(box);
  await userEvent.paste("a=1, b=2\nBAD=3");
  expect(value()).toEqual({ team: "vision", env: "prod", a: "1", b: "2" });
  expect(box).toHaveValue("BAD=3");
  expect(box).toHaveAccessibleDescription("Use lowercase letters.");
  await userEvent.click(screen.getByRole("button", { name: "Remove team=vision" }));
  expect(value()).toEqual({ env: "prod", a: "1", b: "2" });
});

test("a secret is hidden until it is asked for", async () => {
  render(
    <Field label="Token">
      <SecretInput stored />
    </Field>,
  );
  const box = screen.getByLabelText("Token");
  expect(box).toHaveAttribute("type", "password");
  expect(box).toHaveAttribute("placeholder", "Stored. Type to replace it.");
  await userEvent.click(screen.getByRole("button", { name: "Show" }));
  expect(box).toHaveAttribute("type", "text");
});

test("pairs: added, refused when they stand twice, pasted from a file of them", async () => {
  render(<Kept<KeyValue[]> start={[]}>{(rows, set) => <KeyValues value={rows} onChange={set} />}</Kept>);
  await userEvent.click(screen.getByRole("button", { name: "Add variable" }));
  await waitFor(() => expect(screen.getByLabelText("Variable 1, name")).toHaveFocus());
  await userEvent.paste('# comment\nexport A=1\nB = "two words"\nA=3');
  expect(value()).toEqual([
    { key: "A", value: "1" },
    { key: "B", value: "two words" },
    { key: "A", value: "3" },
  ]);
  expect(screen.getByLabelText("Variable 3, name")).toHaveAccessibleDescription("It is there already.");
  await userEvent.click(screen.getByRole("button", { name: "Remove B" }));
  expect(value()).toHaveLength(2);
});

test("a conflict is resolved field by field", async () => {
  const resolve = vi.fn();
  render(
    <Conflict
      onResolve={resolve}
      onCancel={() => {}}
      fields={[
        { name: "description", label: "Description", mine: "Finds digits", theirs: "Reads digits" },
        { name: "owner", label: "Owner", mine: "vision", theirs: null },
      ]}
    />,
  );
  const owner = screen.getByRole("group", { name: "Owner" });
  expect(within(owner).getByRole("radio", { name: "Take theirs Empty" })).not.toBeChecked();
  await userEvent.click(within(owner).getByRole("radio", { name: /Take theirs/ }));
  await userEvent.click(screen.getByRole("button", { name: "Save" }));
  expect(resolve).toHaveBeenLastCalledWith({ description: "mine", owner: "theirs" });
  await userEvent.click(screen.getByRole("button", { name: "Take all of theirs" }));
  await userEvent.click(screen.getByRole("button", { name: "Save" }));
  expect(resolve).toHaveBeenLastCalledWith({ description: "theirs", owner: "theirs" });
});

test("a toast tells what came of it and offers what is next", async () => {
  const open = vi.fn();
  render(<ToastProvider>page</ToastProvider>);
  toast({ title: "Model registered", detail: "resnet-50", action: { label: "Open", onClick: open } });
  expect(await screen.findByText("Model registered")).toBeVisible();
  await userEvent.click(screen.getByRole("button", { name: "Open" }));
  expect(open).toHaveBeenCalledOnce();
  await waitFor(() => expect(screen.queryByText("resnet-50")).toBeNull());
});
