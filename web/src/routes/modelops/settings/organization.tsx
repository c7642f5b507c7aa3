import { createFileRoute } from "@tanstack/react-router";
import { OrganizationPage } from "@/identity/organization-page";

export const Route = createFileRoute("/modelops/settings/organization")({
  component: OrganizationPage,
  staticData: { crumb: "Organization" },
});
