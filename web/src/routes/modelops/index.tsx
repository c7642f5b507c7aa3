import { createFileRoute } from "@tanstack/react-router";
import { Home } from "@/home";

export const Route = createFileRoute("/modelops/")({ component: Home, staticData: { crumb: "Home" } });
