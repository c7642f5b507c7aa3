import { useMutation } from "@tanstack/react-query";
import { Pencil, Plus, Trash2, UserPlus, UsersRound, X } from "lucide-react";
import { useState } from "react";
import { z } from "zod";
import { useVersioned, type Versioned } from "@/api/changes";
import { api } from "@/api/client";
import { $api } from "@/api/queries";
import { text } from "@/api/rules";
import { Button } from "@/kit/button";
import { Card, CardHead } from "@/kit/card";
import { Confirm } from "@/kit/confirm";
import { FormField, useZodForm } from "@/kit/form";
import { FormDialog } from "@/kit/form-dialog";
import { IconButton } from "@/kit/icon-button";
import { Input } from "@/kit/input";
import { ActionMenu } from "@/kit/menu";
import { Page } from "@/kit/page";
import { Select } from "@/kit/select";
import { Empty } from "@/kit/states";
import { failed } from "@/kit/toast";
import { plural } from "@/lib/format";
import { CouldNotOpen } from "./could-not-open";
import { Loaded } from "./loaded";
import { type Team, useMemberNames, useReread, useTeams } from "./queries";
import { useSession } from "./session";

type Shown = { kind: "create" } | { kind: "rename" | "add" | "delete"; team: Team };

export function TeamsPage() {
  const { may } = useSession();
  const teams = useTeams();
  const nameOf = useMemberNames();
  const reread = useReread("/api/v1/teams");
  const [shown, setShown] = useState<Shown>();
  const close = () => setShown(undefined);
  const writes = may("teams:write");
  const create = writes && (
    <Button variant="primary" onClick={() => setShown({ kind: "create" })}>
      <Plus aria-hidden className="size-4" />
      Create team
    </Button>
  );
  const leave = useMutation({
    mutationFn: ({ team, member }: { team: Team; member: string }) =>
      api.DELETE("/api/v1/teams/{team}/members/{member}", { params: { path: { team: team.id, member } } }).then(reread),
    onError: (error, { team, member }) => failed(`${nameOf(member)} still belongs to ${team.name}`, error),
  });

  return (
    <Page
      title="Teams"
      description="What has the visibility Team is seen by one team, and by those who see all."
      actions={create}
    >
      <div className="grid gap-4 px-4 pb-6 md:px-6 lg:grid-cols-2">
        <Loaded query={teams} what="The teams">
          {({ items }) =>
            items.length === 0 ? (
              <Card className="lg:col-span-2">
                <Empty icon={UsersRound} title="There is no team yet" action={create}>
                  A team shares models and deployments that the rest of the organization does not see.
                </Empty>
              </Card>
            ) : (
              items.map((team) => (
                <Card key={team.id} aria-label={team.name} className="self-start">
                  <CardHead title={team.display_name || team.name} sub={plural(team.member_ids.length, "member")}>
                    {writes && (
                      <>
                        <Button size="sm" variant="ghost" onClick={() => setShown({ kind: "add", team })}>
                          <UserPlus aria-hidden className="size-3.5" />
                          Add
                        </Button>
                        <ActionMenu
                          of={team.name}
                          items={[
                            { label: "Rename", icon: Pencil, onSelect: () => setShown({ kind: "rename", team }) },
                            "separator",
                            {
                              label: "Delete",
                              icon: Trash2,
                              danger: true,
                              onSelect: () => setShown({ kind: "delete", team }),
                            },
                          ]}
                        />
                      </>
                    )}
                  </CardHead>
                  {team.member_ids.length === 0 ? (
                    <p className="px-4 py-4 text-fg-2">Nobody belongs to {team.name} yet.</p>
                  ) : (
                    <ul className="py-1">
                      {team.member_ids.map((member) => (
                        <li key={member} className="flex min-h-9 items-center gap-2 px-4">
                          <span className="min-w-0 truncate">{nameOf(member)}</span>
                          {writes && (
                            <IconButton
                              label={`Remove ${nameOf(member)} from ${team.name}`}
                              className="ml-auto size-7"
                              onClick={() => leave.mutate({ team, member })}
                            >
                              <X aria-hidden className="size-3.5" />
                            </IconButton>
                          )}
                        </li>
                      ))}
                    </ul>
                  )}
                </Card>
              ))
            )
          }
        </Loaded>
      </div>
      {shown?.kind === "create" && <CreateTeam onClose={close} onSaved={reread} />}
      {shown?.kind === "rename" && <RenameTeam id={shown.team.id} onClose={close} onSaved={reread} />}
      {shown?.kind === "add" && <AddToTeam team={shown.team} onClose={close} onSaved={reread} />}
      {shown?.kind === "delete" && (
        <Confirm
          onClose={close}
          title={`Delete the team ${shown.team.name}?`}
          verb="Delete team"
          typed={shown.team.name}
          onConfirm={async () => {
            await api.DELETE("/api/v1/teams/{team}", { params: { path: { team: shown.team.id } } });
            await reread();
          }}
        >
          Its members keep their accounts. A team that owns something cannot be deleted.
        </Confirm>
      )}
    </Page>
  );
}

type SavedProps = { onClose: () => void; onSaved: () => Promise<void> };

const created = z.object({
  name: text("create_team", "name", { required: "Give it a name." }),
  display_name: text("create_team", "display_name"),
});

function CreateTeam({ onClose, onSaved }: SavedProps) {
  const form = useZodForm(created, { name: "", display_name: "" });
  return (
    <FormDialog
      title="Create team"
      form={form}
      verb="Create team"
      onClose={onClose}
      send={async ({ name, display_name }) => {
        await api.POST("/api/v1/teams", { body: { name, ...(display_name && { display_name }) } });
        await onSaved();
      }}
    >
      <FormField form={form} name="name" label="Name" hint="For the command line and the API. It cannot change later.">
        {(field) => <Input mono {...field} />}
      </FormField>
      <FormField form={form} name="display_name" label="Display name" optional>
        {(field) => <Input {...field} />}
      </FormField>
    </FormDialog>
  );
}

function RenameTeam({ id, ...rest }: SavedProps & { id: string }) {
  const team = useVersioned(["get", "/api/v1/teams/{team}", id], () =>
    api.GET("/api/v1/teams/{team}", { params: { path: { team: id } } }),
  );
  if (!team.data) return <CouldNotOpen what="team" query={team} onClose={rest.onClose} />;
  return <RenameTeamForm key={team.data.etag} team={team.data} {...rest} />;
}

const renamed = z.object({ display_name: text("update_team", "display_name", { required: "Give it a name." }) });

function RenameTeamForm({ team, onClose, onSaved }: SavedProps & { team: Versioned<Team> }) {
  const form = useZodForm(renamed, { display_name: team.value.display_name });
  return (
    <FormDialog
      title={`Rename ${team.value.name}`}
      form={form}
      verb="Save"
      onClose={onClose}
      send={async (body) => {
        await api.PATCH("/api/v1/teams/{team}", {
          params: { path: { team: team.value.id }, header: { "If-Match": team.etag } },
          body,
        });
        await onSaved();
      }}
    >
      <FormField form={form} name="display_name" label="Display name">
        {(field) => <Input {...field} />}
      </FormField>
    </FormDialog>
  );
}

function AddToTeam({ team, onClose, onSaved }: SavedProps & { team: Team }) {
  const form = useZodForm(z.object({ member: z.string().min(1, "Choose a person.") }), { member: "" });
  const members = $api.useQuery("get", "/api/v1/members", { params: { query: { page_size: 1000 } } });
  const others = members.data?.items.filter((member) => !team.member_ids.includes(member.id)) ?? [];
  return (
    <FormDialog
      title={`Add to ${team.name}`}
      form={form}
      verb="Add to team"
      onClose={onClose}
      send={async (body) => {
        await api.POST("/api/v1/teams/{team}/members", { params: { path: { team: team.id } }, body });
        await onSaved();
      }}
    >
      <FormField form={form} name="member" label="Person" kind="button">
        {(field) => (
          <Select
            options={others.map((member) => ({
              value: member.id,
              label: member.display_name || member.email,
              hint: member.display_name ? member.email : undefined,
            }))}
            {...field}
          />
        )}
      </FormField>
    </FormDialog>
  );
}
