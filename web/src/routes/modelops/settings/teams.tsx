import { createFileRoute } from "@tanstack/react-router";
import { TeamsPage } from "@/identity/teams-page";

export const Route = createFileRoute("/modelops/settings/teams")({
  component: TeamsPage,
  staticData: { crumb: "Teams" },
});
