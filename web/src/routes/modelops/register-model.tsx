import { createFileRoute } from "@tanstack/react-router";
import { z } from "zod/mini";
import { RegisterPage } from "@/registry/register-page";

export const Route = createFileRoute("/modelops/register-model")({
  component: RegisterPage,
  validateSearch: z.object({
    step: z.catch(z.optional(z.enum(["source", "identity", "runtime", "review"])), undefined),
  }),
  staticData: { crumb: "Register model" },
});
