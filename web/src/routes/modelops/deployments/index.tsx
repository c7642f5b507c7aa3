import { createFileRoute } from "@tanstack/react-router";
import { z } from "zod/mini";
import { DeploymentsPage } from "@/deployments/deployments-page";

const text = z.catch(z.optional(z.string()), undefined);
const texts = z.catch(z.optional(z.array(z.string())), undefined);

export const Route = createFileRoute("/modelops/deployments/")({
  component: DeploymentsPage,
  validateSearch: z.object({ q: text, state: texts, environment: texts, target: texts, order: text }),
});
