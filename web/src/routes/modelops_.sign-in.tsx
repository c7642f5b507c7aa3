import { createFileRoute, redirect, useLocation, useRouter } from "@tanstack/react-router";
import { queryClient } from "@/api/queries";
import { safeRedirect, sessionQuery } from "@/identity/session";
import { SignInPage } from "@/identity/sign-in-page";

const tokenOf = (hash: string) => new URLSearchParams(hash).get("token") ?? undefined;

export const Route = createFileRoute("/modelops_/sign-in")({
  validateSearch: (search): { redirect?: string } =>
    search.redirect === undefined ? {} : { redirect: safeRedirect(search.redirect) },
  beforeLoad: async ({ location, search }) => {
    if (tokenOf(location.hash)) return; // a link may be for somebody else than who is signed in
    const session = await queryClient.query(sessionQuery).catch(() => undefined);
    if (session) throw redirect({ href: safeRedirect(search.redirect) });
  },
  component: SignIn,
});

function SignIn() {
  const router = useRouter();
  const search = Route.useSearch();
  const token = useLocation({ select: (location) => tokenOf(location.hash) });
  return (
    <SignInPage
      token={token}
      onDone={(next) => {
        // Replaced, so that going back does not show a used link.
        if (next === "choose-password") void router.navigate({ to: "/modelops/welcome", search, replace: true });
        else void router.navigate({ href: safeRedirect(search.redirect), replace: true });
      }}
    />
  );
}
