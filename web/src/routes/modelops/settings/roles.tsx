import { createFileRoute } from "@tanstack/react-router";
import { RolesPage } from "@/identity/roles-page";

export const Route = createFileRoute("/modelops/settings/roles")({
  component: RolesPage,
  staticData: { crumb: "Roles" },
});
