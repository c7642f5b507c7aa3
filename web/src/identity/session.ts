import { queryOptions, useSuspenseQuery } from "@tanstack/react-query";
import { redirect } from "@tanstack/react-router";
import { useSyncExternalStore } from "react";
import { api, body, onSignedOut, rememberCsrfToken, type Session } from "@/api/client";
import { feed, onFeedSignedOut } from "@/api/events";
import { Problem } from "@/api/problem";
import { queryClient } from "@/api/queries";

export const sessionQuery = queryOptions({
  queryKey: ["get", "/api/v1/session"],
  queryFn: async (): Promise<Session> => {
    const session = await body(api.GET("/api/v1/session"));
    rememberCsrfToken(session.csrf_token);
    return session;
  },
  staleTime: 60_000,
});

export type CurrentSession = Session & {
  /** Whether the caller holds the permission: may("models:write"). */
  may: (permission: string) => boolean;
};

/** Who is signed in. Every page below /modelops but the sign-in has one. */
export function useSession(): CurrentSession {
  const session = useSuspenseQuery(sessionQuery).data;
  return { ...session, may: (permission) => session.permissions.includes(permission) };
}

// ------------------------------------------------------------------------------------------------ expiry

let expired = false;
const subscribers = new Set<() => void>();

function setExpired(value: boolean) {
  if (expired === value) return;
  expired = value;
  for (const changed of subscribers) changed();
}

/** The session has ended while a page is open: it stays as it is, and asks to sign in again. */
export const useSessionExpired = () =>
  useSyncExternalStore(
    (changed) => {
      subscribers.add(changed);
      return () => void subscribers.delete(changed);
    },
    () => expired,
  );

function signedOut() {
  if (!queryClient.getQueryData(sessionQuery.queryKey)) return; // nobody was signed in yet
  feed.stop();
  setExpired(true);
}
onSignedOut(signedOut);
onFeedSignedOut(signedOut);

// ----------------------------------------------------------------------------------------------- sign-in

/** Takes over a session that has just begun. What was read for somebody else is forgotten. */
export async function enter(session: Session): Promise<void> {
  const before = queryClient.getQueryData(sessionQuery.queryKey);
  rememberCsrfToken(session.csrf_token);
  if (before?.actor_id !== session.actor_id || before.organization_id !== session.organization_id) queryClient.clear();
  queryClient.setQueryData(sessionQuery.queryKey, session);
  const again = expired;
  setExpired(false);
  if (!again) return;
  feed.start();
  await queryClient.invalidateQueries();
}

export type Credentials = { email: string; password: string; organization?: string };

// These two answer the session; the document leaves their form open, since they also set a cookie.
export const signIn = async (credentials: Credentials) =>
  (await body(api.POST("/api/v1/session", { body: credentials }))) as unknown as Session;

export const redeemLink = async (token: string) =>
  (await body(api.POST("/api/v1/session/link", { body: { token } }))) as unknown as Session;

/** Ends the session and leaves the page, with all that it holds. */
export async function signOut(): Promise<void> {
  try {
    await api.DELETE("/api/v1/session");
  } catch (error) {
    if (!(error instanceof Problem && error.status === 401)) throw error; // it had ended already
  }
  location.assign("/modelops/sign-in");
}

// ------------------------------------------------------------------------------------------- deep links

const home = "/modelops";

/** Where to go after the sign-in: a path of this app, whatever a link says. */
export function safeRedirect(wanted: unknown): string {
  if (typeof wanted !== "string" || !URL.canParse(wanted, location.origin)) return home;
  const url = new URL(wanted, location.origin);
  const is_ours = url.origin === location.origin && (url.pathname === home || url.pathname.startsWith(`${home}/`));
  if (!is_ours || url.pathname.startsWith(`${home}/sign-in`)) return home;
  return url.pathname + url.search + url.hash;
}

/** Before a page that needs a session: reads it, or goes to the sign-in and comes back afterwards. */
export async function requireSession(href: string): Promise<Session> {
  try {
    return await queryClient.ensureQueryData(sessionQuery);
  } catch (error) {
    if (!(error instanceof Problem && error.status === 401)) throw error;
    const wanted = safeRedirect(href);
    throw redirect({ to: "/modelops/sign-in", search: wanted === home ? {} : { redirect: wanted } });
  }
}
