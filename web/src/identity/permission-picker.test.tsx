import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { expect, test } from "vitest";
import { PermissionPicker, toggled } from "./permission-picker";

const all = ["models:read", "models:write", "teams:read"];

test("switching one off keeps what its pattern gave beside it", () => {
  expect(toggled(all, ["*"], "models:write", false)).toEqual(["models:read", "teams:read"]);
  expect(toggled(all, ["models:*", "teams:read"], "models:read", false)).toEqual(["teams:read", "models:write"]);
});

test("a noun's box stands for all of its permissions, and is mixed for some", async () => {
  function Picker() {
    const [value, setValue] = useState<string[]>(["models:read"]);
    return (
      <>
        <PermissionPicker all={all} value={value} onChange={setValue} />
        <output>{value.join(" ")}</output>
      </>
    );
  }
  render(<Picker />);
  const models = screen.getByRole("checkbox", { name: "Models" });
  expect(models).toHaveAttribute("aria-checked", "mixed");
  await userEvent.click(models);
  expect(screen.getByRole("status")).toHaveTextContent(/^models:\*$/);
  expect(screen.getByRole("checkbox", { name: "models:write" })).toBeChecked();
  await userEvent.click(screen.getByRole("checkbox", { name: "models:read" }));
  expect(screen.getByRole("status")).toHaveTextContent(/^models:write$/);
});
