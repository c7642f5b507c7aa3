import { createFileRoute } from "@tanstack/react-router";
import { z } from "zod/mini";
import { TargetsPage } from "@/targets/targets-page";

export const Route = createFileRoute("/modelops/targets/")({
  component: TargetsPage,
  validateSearch: z.object({
    q: z.catch(z.optional(z.string()), undefined),
    state: z.catch(z.optional(z.array(z.string())), undefined),
    order: z.catch(z.optional(z.string()), undefined),
  }),
});
