import { useMutation } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";
import { Button } from "@/kit/button";
import { Brand } from "@/shell/brand";
import { ProblemNote } from "./problem-note";
import { enter, redeemLink } from "./session";
import { SignInForm } from "./sign-in-form";

/** A narrow page without the shell: one question, in the middle. */
export function PlainPage({ title, children }: { title: string; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · ModelOps`;
  }, [title]);
  return (
    <main className="mx-auto grid min-h-dvh w-full max-w-88 content-center gap-5 px-4 py-10">
      <Brand />
      <h1 className="text-xl font-semibold tracking-tight">{title}</h1>
      {children}
    </main>
  );
}

type SignInPageProps = {
  /** Of a one-time link; it stands after '#', so that it reaches neither logs nor other hosts. */
  token?: string;
  /** Called once signed in. */
  onDone: (next: "continue" | "choose-password") => void;
};

export function SignInPage({ token, onDone }: SignInPageProps) {
  const [spent, setSpent] = useState<string>();
  // Redeemed only when a person presses the button: a program that opens links ahead does not use it up.
  const link = useMutation({
    mutationFn: redeemLink,
    onSuccess: async (session) => {
      await enter(session);
      onDone(session.has_password ? "continue" : "choose-password");
    },
    onError: (_, tried) => setSpent(tried),
  });
  if (token && token !== spent)
    return (
      <PlainPage title="Welcome to ModelOps">
        <p className="text-fg-2">You followed a one-time sign-in link. It works once.</p>
        <Button variant="primary" busy={link.isPending} onClick={() => link.mutate(token)} autoFocus>
          Sign in
        </Button>
      </PlainPage>
    );
  return (
    <PlainPage title="Sign in">
      <ProblemNote error={link.error} />
      <SignInForm onDone={() => onDone("continue")} />
    </PlainPage>
  );
}
