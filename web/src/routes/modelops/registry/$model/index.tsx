import { createFileRoute } from "@tanstack/react-router";
import { z } from "zod/mini";
import { ModelPage } from "@/registry/model-page";

export const Route = createFileRoute("/modelops/registry/$model/")({
  component: ModelPage,
  validateSearch: z.object({
    tab: z.catch(z.optional(z.enum(["overview", "versions", "files", "activity"])), undefined),
    version: z.catch(z.optional(z.number()), undefined),
  }),
});
