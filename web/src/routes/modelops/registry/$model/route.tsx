import { createFileRoute } from "@tanstack/react-router";

export const Route = createFileRoute("/modelops/registry/$model")({
  staticData: { crumb: (params) => params.model ?? "Model" },
});
