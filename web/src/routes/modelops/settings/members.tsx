import { createFileRoute } from "@tanstack/react-router";
import { z } from "zod/mini";
import { MembersPage } from "@/identity/members-page";

export const Route = createFileRoute("/modelops/settings/members")({
  component: MembersPage,
  validateSearch: z.object({
    q: z.catch(z.optional(z.string()), undefined),
    role: z.catch(z.optional(z.array(z.string())), undefined),
    order: z.catch(z.optional(z.string()), undefined),
  }),
  staticData: { crumb: "Members" },
});
