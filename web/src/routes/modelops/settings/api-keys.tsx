import { createFileRoute } from "@tanstack/react-router";
import { z } from "zod/mini";
import { ApiKeysPage } from "@/identity/api-keys-page";

export const Route = createFileRoute("/modelops/settings/api-keys")({
  component: ApiKeysPage,
  validateSearch: z.object({
    q: z.catch(z.optional(z.string()), undefined),
    state: z.catch(z.optional(z.array(z.string())), undefined),
  }),
  staticData: { crumb: "API keys" },
});
