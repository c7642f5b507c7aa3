import { createFileRoute } from "@tanstack/react-router";
import { z } from "zod/mini";
import { AuditPage } from "@/audit/audit-page";

const text = z.catch(z.optional(z.string()), undefined);
const texts = z.catch(z.optional(z.array(z.string())), undefined);

export const Route = createFileRoute("/modelops/audit")({
  component: AuditPage,
  validateSearch: z.object({
    q: text,
    outcome: texts,
    actor: texts,
    span: z.catch(z.optional(z.enum(["day", "week", "month", "all"])), undefined),
    subject: text,
    record: text,
  }),
  staticData: { crumb: "Audit" },
});
