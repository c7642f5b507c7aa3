import { createFileRoute } from "@tanstack/react-router";
import { PerformancePage } from "@/monitoring/performance-page";

export const Route = createFileRoute("/modelops/monitoring")({
  component: PerformancePage,
  staticData: { crumb: "Monitoring" },
});
