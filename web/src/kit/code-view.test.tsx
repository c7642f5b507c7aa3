import { render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { CodeView } from "@/kit/code-view";

test("the text is shown apart from the page's styles, named, and copied whole", async () => {
  const user = userEvent.setup();
  render(<CodeView label="Configuration" language="yaml" value={"engine: onnx\nreplicas: 2\n"} />);
  const section = screen.getByRole("region", { name: "Configuration" });
  const root = () => [...section.querySelectorAll("div")].find((element) => element.shadowRoot)?.shadowRoot;
  await waitFor(() => expect(root()?.querySelector(".cm-content")?.textContent).toContain("engine: onnx"));
  expect(root()!.querySelector("[role=textbox]")).toHaveAttribute("aria-label", "Configuration");
  expect(document.head.querySelector("style")).toBeNull();
  await user.click(screen.getByRole("button", { name: "Copy configuration" }));
  expect(await navigator.clipboard.readText()).toBe("engine: onnx\nreplicas: 2\n");
});
