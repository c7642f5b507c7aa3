import { createFileRoute } from "@tanstack/react-router";
import { z } from "zod/mini";
import { DeploymentPage } from "@/deployments/deployment-page";

export const Route = createFileRoute("/modelops/deployments/$deployment")({
  component: DeploymentPage,
  validateSearch: z.object({
    tab: z.catch(
      z.optional(z.enum(["overview", "try", "requests", "replicas", "logs", "events", "revisions", "configuration"])),
      undefined,
    ),
    show: z.catch(z.optional(z.enum(["failed", "slow"])), undefined),
    q: z.catch(z.optional(z.string()), undefined),
    request: z.catch(z.optional(z.string()), undefined),
  }),
  staticData: { crumb: (params) => params.deployment ?? "Deployment" },
});
