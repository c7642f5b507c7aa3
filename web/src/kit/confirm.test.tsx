import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { expect, test, vi } from "vitest";
import { Confirm } from "@/kit/confirm";

function Deletion({ remove }: { remove: () => Promise<unknown> }) {
  const [open, setOpen] = useState(true);
  if (!open) return null;
  return (
    <Confirm
      onClose={() => setOpen(false)}
      title="Delete resnet?"
      verb="Delete model"
      typed="resnet"
      onConfirm={remove}
    >
      Its versions are gone for good.
    </Confirm>
  );
}

test("a deletion needs the name, and closes once it has succeeded", async () => {
  const remove = vi.fn(async () => {});
  render(<Deletion remove={remove} />);
  const button = screen.getByRole("button", { name: "Delete model" });
  expect(screen.getByRole("alertdialog", { name: "Delete resnet?" })).toHaveAccessibleDescription(/gone for good/);
  expect(button).toBeDisabled();
  await userEvent.type(screen.getByLabelText("Type resnet to confirm"), "resne");
  expect(button).toBeDisabled();
  await userEvent.keyboard("t{Enter}");
  expect(remove).toHaveBeenCalledOnce();
  await vi.waitFor(() => expect(screen.queryByRole("alertdialog")).toBeNull());
});

test("why it did not succeed is shown, and it can be tried again", async () => {
  render(<Deletion remove={() => Promise.reject({ title: "Conflict", detail: "The model is deployed." })} />);
  await userEvent.type(screen.getByLabelText("Type resnet to confirm"), "resnet{Enter}");
  expect(await screen.findByRole("alert")).toHaveTextContent("The model is deployed.");
  expect(screen.getByRole("button", { name: "Delete model" })).toBeEnabled();
});
