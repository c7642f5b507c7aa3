import { createFileRoute } from "@tanstack/react-router";
import { z } from "zod/mini";
import { CreateDeploymentPage } from "@/deployments/create-page";

export const Route = createFileRoute("/modelops/deployments/create")({
  component: CreateDeploymentPage,
  validateSearch: z.object({
    step: z.catch(z.optional(z.enum(["model", "target", "engine", "review"])), undefined),
    model: z.catch(z.optional(z.string()), undefined),
    version: z.catch(z.optional(z.number()), undefined),
  }),
  staticData: { crumb: "Create deployment" },
});
