import { createFileRoute } from "@tanstack/react-router";
import { ProfilePage } from "@/identity/profile-page";

export const Route = createFileRoute("/modelops/profile")({ component: ProfilePage, staticData: { crumb: "Profile" } });
