import { render, screen } from "@testing-library/react";
import { expect, test } from "vitest";
import {
  approvalState,
  auditOutcome,
  deploymentState,
  machineState,
  operationState,
  replicaState,
  Status,
  severity,
  versionApproval,
} from "@/kit/status";

test.each([
  [deploymentState("degraded"), "Degraded"],
  [replicaState("fetching"), "Fetching model"],
  [versionApproval("none"), "Draft"],
  [approvalState("voided"), "Voided"],
  [operationState("pending"), "Queued"],
  [machineState("revoked"), "Revoked"],
  [severity("danger"), "Danger"],
  [auditOutcome("denied"), "Denied"],
])("a state is an icon and a word", (state, word) => {
  const { container } = render(<Status state={state} />);
  expect(screen.getByText(word)).toBeVisible();
  expect(container.querySelector("svg[aria-hidden]")).not.toBeNull();
});

test("a label says more than the state's own word", () => {
  render(<Status state={deploymentState("provisioning")} label="Provisioning revision 4" variant="pill" />);
  expect(screen.getByText("Provisioning revision 4")).toBeVisible();
});
