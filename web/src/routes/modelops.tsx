import { createFileRoute } from "@tanstack/react-router";
import { requireSession } from "@/identity/session";
import { Shell } from "@/shell/shell";

export const Route = createFileRoute("/modelops")({
  beforeLoad: async ({ location }) => {
    await requireSession(location.href);
  },
  component: Shell,
});
