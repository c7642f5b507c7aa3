import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api } from "@/api/client";
import { Problem } from "@/api/problem";
import { Button } from "@/kit/button";
import { Field } from "@/kit/field";
import { Input } from "@/kit/input";
import { ProblemNote } from "./problem-note";
import { sessionQuery, useSession } from "./session";
import { PlainPage } from "./sign-in-page";

/** After the first one-time link: a password for the next time, or not now. */
export function WelcomePage({ onDone }: { onDone: () => void }) {
  const session = useSession();
  const client = useQueryClient();
  const [shown, setShown] = useState(false);
  const change = useMutation({
    mutationFn: (new_password: string) => api.POST("/api/v1/session/password", { body: { new_password } }),
    onSuccess: () => {
      client.setQueryData(sessionQuery.queryKey, (before) => before && { ...before, has_password: true });
      onDone();
    },
  });
  const problem = change.error instanceof Problem ? change.error : undefined;
  const refused = problem?.violation("/new_password");
  return (
    <PlainPage title="Choose a password">
      <p className="text-fg-2">
        You are signed in as {session.name} of {session.organization}. The link has been used up: with a password you
        can come back any time.
      </p>
      <form
        className="grid gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate(String(new FormData(event.currentTarget).get("new_password")));
        }}
      >
        {problem && !refused && <ProblemNote error={problem} />}
        <Field
          label="New password"
          name="new_password"
          hint="12 characters or more. A sentence is easier to remember."
          error={refused && `The password ${refused}.`}
        >
          <Input
            name="new_password"
            type={shown ? "text" : "password"}
            autoComplete="new-password"
            minLength={12}
            required
            autoFocus
          />
        </Field>
        <label className="flex items-center gap-2 text-xs text-fg-2">
          <input type="checkbox" checked={shown} onChange={(event) => setShown(event.target.checked)} />
          Show the password
        </label>
        <Button type="submit" variant="primary" busy={change.isPending}>
          Set password
        </Button>
        <Button type="button" variant="ghost" onClick={onDone}>
          Skip for now
        </Button>
      </form>
    </PlainPage>
  );
}
