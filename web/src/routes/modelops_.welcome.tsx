import { createFileRoute, useRouter } from "@tanstack/react-router";
import { requireSession, safeRedirect } from "@/identity/session";
import { WelcomePage } from "@/identity/welcome-page";

export const Route = createFileRoute("/modelops_/welcome")({
  validateSearch: (search): { redirect?: string } =>
    search.redirect === undefined ? {} : { redirect: safeRedirect(search.redirect) },
  beforeLoad: async ({ location }) => {
    await requireSession(location.href);
  },
  component: Welcome,
});

function Welcome() {
  const router = useRouter();
  const { redirect } = Route.useSearch();
  return <WelcomePage onDone={() => void router.navigate({ href: safeRedirect(redirect), replace: true })} />;
}
