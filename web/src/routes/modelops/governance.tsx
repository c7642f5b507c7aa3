import { createFileRoute } from "@tanstack/react-router";
import { z } from "zod/mini";
import { ApprovalsPage } from "@/evidence/approvals-page";

export const Route = createFileRoute("/modelops/governance")({
  component: ApprovalsPage,
  validateSearch: z.object({
    q: z.catch(z.optional(z.string()), undefined),
    state: z.catch(z.optional(z.array(z.string())), undefined),
    approval: z.catch(z.optional(z.string()), undefined),
  }),
  staticData: { crumb: "Approvals" },
});
