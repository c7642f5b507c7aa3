import { createFileRoute } from "@tanstack/react-router";
import { CreateVersionPage } from "@/registry/create-version-page";

export const Route = createFileRoute("/modelops/registry/$model/create-version")({
  component: CreateVersionPage,
  staticData: { crumb: "Create version" },
});
