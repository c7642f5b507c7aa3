import { createFileRoute } from "@tanstack/react-router";
import { TargetPage } from "@/targets/target-page";

export const Route = createFileRoute("/modelops/targets/$target")({
  component: TargetPage,
  staticData: { crumb: (params) => params.target ?? "Target" },
});
