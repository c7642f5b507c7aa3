import { useQueryClient } from "@tanstack/react-query";
import { LogOut } from "lucide-react";
import { useState } from "react";
import { z } from "zod";
import { api } from "@/api/client";
import { Badge } from "@/kit/badge";
import { Button } from "@/kit/button";
import { Card, CardHead } from "@/kit/card";
import { CopyText } from "@/kit/copy-text";
import { FormFailure, FormField, useSend, useZodForm } from "@/kit/form";
import { Input } from "@/kit/input";
import { Page } from "@/kit/page";
import { byNoun } from "./permission-picker";
import { useTeams } from "./queries";
import { sessionQuery, useSession } from "./session";
import { useSignOut } from "./use-sign-out";

export function ProfilePage() {
  const session = useSession();
  const leave = useSignOut();
  const teams = useTeams();
  const mine = teams.data?.items.filter((team) => session.team_ids.includes(team.id)) ?? [];
  return (
    <Page
      title="Profile"
      description={`${session.name}, ${session.role} of ${session.organization}`}
      actions={
        <Button busy={leave.isPending} onClick={() => leave.mutate()}>
          <LogOut aria-hidden className="size-4" />
          Sign out
        </Button>
      }
    >
      <div className="grid max-w-3xl gap-4 px-4 pb-6 md:px-6">
        <Card aria-label="You">
          <CardHead title="You" />
          <dl className="grid grid-cols-[8rem_minmax(0,1fr)] gap-y-2 p-4">
            <dt className="text-fg-3">Name</dt>
            <dd>{session.name}</dd>
            <dt className="text-fg-3">Id</dt>
            <dd>
              <CopyText text={session.actor_id} />
            </dd>
            <dt className="text-fg-3">Role</dt>
            <dd>{session.role}</dd>
            <dt className="text-fg-3">Teams</dt>
            <dd>{mine.length > 0 ? mine.map((team) => team.display_name || team.name).join(", ") : "None"}</dd>
          </dl>
        </Card>
        <Password has_password={session.has_password} />
        <Card aria-label="What you may do">
          <CardHead title="What you may do" sub="from your role" />
          <dl className="grid gap-2 p-4 sm:grid-cols-[10rem_minmax(0,1fr)]">
            {[...byNoun(session.permissions)].map(([noun, permissions]) => (
              <div key={noun} className="contents">
                <dt className="text-fg-2">{noun.replaceAll("_", " ")}</dt>
                <dd className="flex flex-wrap gap-1">
                  {permissions.map((permission) => (
                    <Badge key={permission} mono>
                      {permission.split(":")[1]}
                    </Badge>
                  ))}
                </dd>
              </div>
            ))}
          </dl>
        </Card>
      </div>
    </Page>
  );
}

const schema = z.object({
  current_password: z.string(),
  new_password: z.string().min(12, "12 characters or more. A sentence is easier to remember."),
});

function Password({ has_password }: { has_password: boolean }) {
  const client = useQueryClient();
  const [changed, setChanged] = useState(false);
  const form = useZodForm(schema, { current_password: "", new_password: "" });
  const sent = useSend(form, async ({ current_password, new_password }) => {
    setChanged(false);
    await api.POST("/api/v1/session/password", {
      body: { new_password, ...(has_password && { current_password }) },
    });
    form.reset();
    setChanged(true);
    await client.invalidateQueries({ queryKey: sessionQuery.queryKey });
  });
  return (
    <Card aria-label="Password">
      <CardHead title="Password" sub={has_password ? undefined : "You have none: a sign-in link brought you here"} />
      <form {...sent.props} className="grid max-w-sm gap-4 p-4">
        {has_password && (
          <FormField form={form} name="current_password" label="Current password">
            {(field) => <Input type="password" autoComplete="current-password" {...field} />}
          </FormField>
        )}
        <FormField form={form} name="new_password" label="New password" hint="12 characters or more.">
          {(field) => <Input type="password" autoComplete="new-password" {...field} />}
        </FormField>
        <FormFailure failure={sent.failure} />
        <div className="flex items-center gap-3">
          <Button type="submit" variant="primary" busy={sent.sending}>
            {has_password ? "Change password" : "Set password"}
          </Button>
          <span role="status" className="text-xs text-fg-2">
            {changed ? "Your password is set." : ""}
          </span>
        </div>
      </form>
    </Card>
  );
}
