import { render, screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test, vi } from "vitest";
import { ErrorState } from "@/kit/states";

test("an error tells its cause and the request, and offers Retry", async () => {
  const retry = vi.fn();
  render(
    <ErrorState
      title="The models could not be loaded"
      error={{ title: "Internal error", status: 500, detail: "The disk is full.", request_id: "req_7" }}
      onRetry={retry}
    />,
  );
  expect(screen.getByRole("alert")).toHaveTextContent(
    "The models could not be loadedThe disk is full.Request Copy req_7",
  );
  await userEvent.click(screen.getByRole("button", { name: "Retry" }));
  expect(retry).toHaveBeenCalledOnce();
});

test("a refusal names the permission and the roles that have it", () => {
  const rolesWith = vi.fn(() => ["Administrator", "Developer"]);
  render(
    <ErrorState
      error={{
        title: "Forbidden",
        status: 403,
        detail: "This needs the permission models:write. Ask an administrator.",
      }}
      rolesWith={rolesWith}
    />,
  );
  expect(rolesWith).toHaveBeenCalledWith("models:write");
  expect(screen.getByText("models:write").parentElement).toHaveTextContent(
    "It needs the permission models:write. Ask an administrator for Administrator or Developer.",
  );
});

test("what is not there, no connection, and an error of no kind", () => {
  render(<ErrorState error={{ title: "Not found", status: 404 }} what="model" />);
  expect(screen.getByText("There is no such model")).toBeVisible();
  render(<ErrorState error={{ title: "Unreachable", status: 0 }} />);
  expect(screen.getByText("The server cannot be reached")).toBeVisible();
  render(<ErrorState error={null} />);
  expect(screen.getByText("Something went wrong.")).toBeVisible();
});
