import { createFileRoute } from "@tanstack/react-router";
import { z } from "zod/mini";
import { RegistryPage } from "@/registry/registry-page";

const text = z.catch(z.optional(z.string()), undefined);
const texts = z.catch(z.optional(z.array(z.string())), undefined);

export const Route = createFileRoute("/modelops/registry/")({
  component: RegistryPage,
  validateSearch: z.object({
    q: text,
    scope: z.catch(z.optional(z.literal("public")), undefined),
    interface: texts,
    engine: texts,
    visibility: texts,
    approval: texts,
    tag: text,
    order: text,
  }),
});
