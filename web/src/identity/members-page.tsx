import { useNavigate, useSearch } from "@tanstack/react-router";
import { Link2, Pencil, Trash2, UserPlus, Users } from "lucide-react";
import { useMemo, useState } from "react";
import { z } from "zod";
import { useVersioned, type Versioned } from "@/api/changes";
import { api, body } from "@/api/client";
import { and, contains, oneOf } from "@/api/filter";
import { useList } from "@/api/queries";
import { text } from "@/api/rules";
import { Button } from "@/kit/button";
import { Confirm } from "@/kit/confirm";
import type { Column } from "@/kit/data-table";
import { FormField, useZodForm } from "@/kit/form";
import { FormDialog } from "@/kit/form-dialog";
import { Input } from "@/kit/input";
import { ActionMenu } from "@/kit/menu";
import { Select } from "@/kit/select";
import { Empty } from "@/kit/states";
import { Time } from "@/kit/time";
import { ListPage } from "@/shell/list-page";
import { CouldNotOpen } from "./could-not-open";
import { type Member, useReread, useRoles } from "./queries";
import { useSession } from "./session";
import { type Once, ShownOnce, signInLink } from "./shown-once";

type Shown = { kind: "add" } | { kind: "edit" | "link" | "remove"; member: Member } | { kind: "once"; once: Once };

const everything = { q: "", role: [] as string[] };

const memberColumns = (me: string): Column<Member>[] => [
  {
    id: "member",
    header: "Member",
    width: "minmax(13rem, 2fr)",
    sort: "email",
    cell: (member) => (
      <span className="block min-w-0 leading-4.5">
        <span className="block truncate font-medium">
          {member.display_name || member.email}
          {member.id === me && <span className="font-normal text-fg-3"> (you)</span>}
        </span>
        <span className="block truncate font-mono text-2xs text-fg-3">{member.email}</span>
      </span>
    ),
  },
  { id: "role", header: "Role", cell: (member) => <span className="truncate text-fg-2">{member.role}</span> },
  {
    id: "since",
    header: "Member since",
    sort: "created_at",
    descendingFirst: true,
    width: "7rem",
    cell: (member) => <Time value={member.created_at} className="tnum text-fg-2" />,
  },
];

const actionColumn = (me: string, show: (shown: Shown) => void): Column<Member> => ({
  id: "actions",
  header: "Actions",
  width: "4rem",
  card: "aside",
  cell: (member) => (
    <ActionMenu
      of={member.email}
      items={[
        { label: "Name and role", icon: Pencil, onSelect: () => show({ kind: "edit", member }) },
        { label: "New sign-in link", icon: Link2, onSelect: () => show({ kind: "link", member }) },
        "separator",
        {
          label: "Remove",
          icon: Trash2,
          danger: true,
          onSelect: () => show({ kind: "remove", member }),
          ...(member.id === me && { blocked: "This is you" }),
        },
      ]}
    />
  ),
});

export function MembersPage() {
  const { q = "", role = [], order = "email" } = useSearch({ from: "/modelops/settings/members" });
  const navigate = useNavigate({ from: "/modelops/settings/members" });
  const set = (change: { q?: string; role?: string[]; order?: string }) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true });
  const { may, actor_id } = useSession();
  const reread = useReread("/api/v1/members");
  const [shown, setShown] = useState<Shown>();
  const close = () => setShown(undefined);
  const roles = useRoles();
  const members = useList("/api/v1/members", {
    query: { filter: and(q && contains("email", q), oneOf("role", role)), order_by: order },
  });
  const writes = may("members:write");
  const columns = useMemo(
    () => [...memberColumns(actor_id), ...(writes ? [actionColumn(actor_id, setShown)] : [])],
    [actor_id, writes],
  );
  const roleOptions = roles.data?.items.map((known) => ({ value: known.name, label: known.name })) ?? [];
  const once = (shown: Once) => setShown({ kind: "once", once: shown });
  return (
    <ListPage
      title="Members"
      description="People of this organization. A role says what each may do."
      actions={
        writes && (
          <Button variant="primary" onClick={() => setShown({ kind: "add" })}>
            <UserPlus aria-hidden className="size-4" />
            Add member
          </Button>
        )
      }
      what="member"
      placeholder="Filter by e-mail"
      list={members}
      columns={columns}
      search={{ q, role }}
      everything={everything}
      onSearch={set}
      facets={[{ name: "role", label: "Role", options: roleOptions }]}
      orderBy={order}
      onOrderBy={(next) => set({ order: next })}
      onOpen={writes ? (member) => setShown({ kind: "edit", member }) : undefined}
      empty={
        <Empty icon={Users} title="Nobody is a member yet">
          People you add get a link that signs them in once.
        </Empty>
      }
    >
      {shown?.kind === "add" && (
        <AddMember
          roles={roleOptions}
          onClose={close}
          onAdded={(made) => {
            void reread();
            once(made);
          }}
        />
      )}
      {shown?.kind === "edit" && (
        <EditMember id={shown.member.id} roles={roleOptions} onClose={close} onSaved={() => void reread()} />
      )}
      {shown?.kind === "once" && <ShownOnce once={shown.once} onClose={close} />}
      {shown?.kind === "link" && (
        <Confirm
          onClose={close}
          title={`Make a sign-in link for ${shown.member.email}?`}
          verb="Make a link"
          keepOpen
          onConfirm={async () => {
            const { sign_in_token, expires_at } = await body(
              api.POST("/api/v1/members/{member}/sign-in-link", { params: { path: { member: shown.member.id } } }),
            );
            once({ title: "Sign-in link", what: "link", text: signInLink(sign_in_token), expires_at });
          }}
        >
          It works once and lets this person choose a new password. Hand it over by a way you trust.
        </Confirm>
      )}
      {shown?.kind === "remove" && (
        <Confirm
          onClose={close}
          title={`Remove ${shown.member.email}?`}
          verb="Remove member"
          danger
          onConfirm={async () => {
            await api.DELETE("/api/v1/members/{member}", { params: { path: { member: shown.member.id } } });
            await reread();
          }}
        >
          Their sessions and API keys end at once. What they made stays.
        </Confirm>
      )}
    </ListPage>
  );
}

type RoleOptions = { value: string; label: string }[];

const added = z.object({
  email: z.email("Write an e-mail address, such as mara@example.org."),
  display_name: text("add_member", "display_name"),
  role: z.string().min(1, "Choose a role."),
});

type AddProps = { roles: RoleOptions; onClose: () => void; onAdded: (once: Once) => void };

function AddMember({ roles, onClose, onAdded }: AddProps) {
  const form = useZodForm(added, { email: "", display_name: "", role: "" });
  return (
    <FormDialog
      title="Add member"
      description="They get a link that signs them in once, and choose a password then."
      form={form}
      verb="Add member"
      onClose={onClose}
      keepOpen
      send={async ({ email, display_name, role }) => {
        const invitation = await body(
          api.POST("/api/v1/members", { body: { email, role, ...(display_name && { display_name }) } }),
        );
        onAdded({
          title: `${email} is a member now`,
          what: "link",
          text: signInLink(invitation.sign_in_token),
          expires_at: invitation.expires_at,
        });
      }}
    >
      <FormField form={form} name="email" label="E-mail">
        {(field) => <Input type="email" autoComplete="off" {...field} />}
      </FormField>
      <FormField form={form} name="display_name" label="Name" optional>
        {(field) => <Input autoComplete="off" {...field} />}
      </FormField>
      <FormField form={form} name="role" label="Role" kind="button" hint="Roles lists what each may do.">
        {(field) => <Select options={roles} {...field} />}
      </FormField>
    </FormDialog>
  );
}

const edited = z.object({
  display_name: text("update_member", "display_name", { required: "Give a name." }),
  role: z.string(),
});

type EditProps = { roles: RoleOptions; onClose: () => void; onSaved: () => void };

function EditMember({ id, ...rest }: EditProps & { id: string }) {
  const path = { member: id };
  const member = useVersioned(["get", "/api/v1/members/{member}", id], () =>
    api.GET("/api/v1/members/{member}", { params: { path } }),
  );
  if (!member.data) return <CouldNotOpen what="member" query={member} onClose={rest.onClose} />;
  return <EditMemberForm key={member.data.etag} member={member.data} {...rest} />;
}

function EditMemberForm({ member, roles, onClose, onSaved }: EditProps & { member: Versioned<Member> }) {
  const { value, etag } = member;
  const form = useZodForm(edited, { display_name: value.display_name, role: value.role });
  return (
    <FormDialog
      title={value.email}
      form={form}
      verb="Save"
      onClose={onClose}
      send={async ({ display_name, role }) => {
        await api.PATCH("/api/v1/members/{member}", {
          params: { path: { member: value.id }, header: { "If-Match": etag } },
          body: {
            ...(display_name !== value.display_name && { display_name }),
            ...(role !== value.role && { role }),
          },
        });
        onSaved();
      }}
    >
      <FormField form={form} name="display_name" label="Name">
        {(field) => <Input autoComplete="off" {...field} />}
      </FormField>
      <FormField form={form} name="role" label="Role" kind="button" hint="It applies to their next request.">
        {(field) => <Select options={roles} {...field} />}
      </FormField>
    </FormDialog>
  );
}
