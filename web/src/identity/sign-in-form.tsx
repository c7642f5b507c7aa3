import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { Problem } from "@/api/problem";
import { Button } from "@/kit/button";
import { Field } from "@/kit/field";
import { Input } from "@/kit/input";
import { ProblemNote, useCountdown } from "./problem-note";
import { enter, signIn } from "./session";

/** E-mail address and password. Used by the sign-in page, and above a page whose session has ended. */
export function SignInForm({ onDone, organization }: { onDone: (actor_id: string) => void; organization?: string }) {
  const [asks_organization, setAsksOrganization] = useState(!!organization);
  const attempt = useMutation({
    mutationFn: signIn,
    onSuccess: async (session) => {
      await enter(session);
      onDone(session.actor_id);
    },
  });
  const problem = attempt.error instanceof Problem ? attempt.error : undefined;
  const wait_s = useCountdown(problem?.retry_after_s, problem);
  return (
    <form
      className="grid gap-4"
      onSubmit={(event) => {
        event.preventDefault();
        if (wait_s > 0) return;
        const form = new FormData(event.currentTarget);
        const named = String(form.get("organization") ?? "").trim();
        attempt.mutate({
          email: String(form.get("email")).trim(),
          password: String(form.get("password")),
          ...(named ? { organization: named } : {}),
        });
      }}
    >
      <ProblemNote error={attempt.error} wait_s={wait_s} />
      <Field label="E-mail address" name="email" error={problem?.violation("/email")}>
        <Input name="email" type="email" autoComplete="username" required autoFocus />
      </Field>
      <Field label="Password" name="password">
        <Input name="password" type="password" autoComplete="current-password" required />
      </Field>
      {asks_organization ? (
        <Field label="Organization" name="organization" optional error={problem?.violation("/organization")}>
          <Input name="organization" autoComplete="organization" defaultValue={organization} mono />
        </Field>
      ) : (
        <button
          type="button"
          className="justify-self-start rounded-sm text-xs text-fg-2 underline hover:text-fg"
          onClick={() => setAsksOrganization(true)}
        >
          I belong to several organizations
        </button>
      )}
      <Button type="submit" variant="primary" busy={attempt.isPending} disabled={wait_s > 0} focusableWhenDisabled>
        Sign in
      </Button>
      <p className="text-xs text-fg-3">
        No password yet, or forgotten? Ask an administrator for a one-time sign-in link. On the machine that runs the
        server, <code className="font-mono">make up</code> prints one.
      </p>
    </form>
  );
}
