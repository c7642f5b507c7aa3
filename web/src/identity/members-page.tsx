import { useNavigate, useSearch } from "@tanstack/react-router";
import { Ellipsis, Link2, Pencil, Trash2, UserPlus, Users } from "lucide-react";
import { useState } from "react";
import { z } from "zod";
import { useVersioned, type Versioned } from "@/api/changes";
import { api, body } from "@/api/client";
import { and, contains, oneOf } from "@/api/filter";
import { useList } from "@/api/queries";
import { text } from "@/api/rules";
import { Button } from "@/kit/button";
import { Confirm } from "@/kit/confirm";
import { type Column, DataTable } from "@/kit/data-table";
import { FilterBar } from "@/kit/filter-bar";
import { FormField, useZodForm } from "@/kit/form";
import { FormDialog } from "@/kit/form-dialog";
import { IconButton } from "@/kit/icon-button";
import { Input } from "@/kit/input";
import { Menu, type MenuItem } from "@/kit/menu";
import { Page } from "@/kit/page";
import { Select } from "@/kit/select";
import { Empty, NoMatch } from "@/kit/states";
import { Time } from "@/kit/time";
import { plural } from "@/lib/format";
import { Failure } from "./failure";
import { type Member, useReread, useRoles } from "./queries";
import { useSession } from "./session";
import { type Once, ShownOnce, signInLink } from "./shown-once";

type Shown =
  | { kind: "add" }
  | { kind: "edit"; member: Member }
  | { kind: "link"; member: Member }
  | { kind: "remove"; member: Member }
  | { kind: "once"; once: Once };

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
  const rows = members.data;
  const filtered = q !== "" || role.length > 0;

  const items = (member: Member): MenuItem[] => [
    { label: "Name and role", icon: Pencil, onSelect: () => setShown({ kind: "edit", member }) },
    { label: "New sign-in link", icon: Link2, onSelect: () => setShown({ kind: "link", member }) },
    "separator",
    {
      label: "Remove",
      icon: Trash2,
      danger: true,
      onSelect: () => setShown({ kind: "remove", member }),
      ...(member.id === actor_id && { blocked: "This is you" }),
    },
  ];
  const columns: Column<Member>[] = [
    {
      id: "member",
      header: "Member",
      width: "minmax(13rem, 2fr)",
      sort: "email",
      cell: (member) => (
        <span className="block min-w-0 leading-4.5">
          <span className="block truncate font-medium">
            {member.display_name || member.email}
            {member.id === actor_id && <span className="font-normal text-fg-3"> (you)</span>}
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
    {
      id: "actions",
      header: "Actions",
      width: "4rem",
      card: "aside",
      cell: (member) =>
        may("members:write") && (
          <Menu
            items={items(member)}
            trigger={
              <IconButton label={`Actions for ${member.email}`}>
                <Ellipsis aria-hidden className="size-4" />
              </IconButton>
            }
          />
        ),
    },
  ];

  const roleOptions = roles.data?.items.map((known) => ({ value: known.name, label: known.name })) ?? [];
  return (
    <Page
      full
      title="Members"
      description="People of this organization. A role says what each may do."
      actions={
        may("members:write") && (
          <Button variant="primary" onClick={() => setShown({ kind: "add" })}>
            <UserPlus aria-hidden className="size-4" />
            Add member
          </Button>
        )
      }
    >
      <FilterBar
        label="Filter members"
        placeholder="Filter by e-mail"
        query={q}
        onQuery={(text) => set({ q: text })}
        facets={[
          { label: "Role", selected: role, onChange: (chosen) => set({ role: [...chosen] }), options: roleOptions },
        ]}
        result={rows ? plural(rows.length, "member") + (members.hasNextPage ? " so far" : "") : ""}
        onClear={() => set({ q: "", role: [] })}
      />
      <DataTable
        label="Members"
        columns={columns}
        rows={rows}
        rowId={(member) => member.id}
        paging={members}
        orderBy={order}
        onOrderBy={(next) => set({ order: next })}
        onOpen={may("members:write") ? (member) => setShown({ kind: "edit", member }) : undefined}
        resetKey={q + role.join()}
        error={
          members.error &&
          !members.data && (
            <Failure
              error={members.error}
              title="The members could not be loaded"
              onRetry={() => void members.refetch()}
            />
          )
        }
        empty={
          filtered ? (
            <NoMatch what="member" onClear={() => set({ q: "", role: [] })} />
          ) : (
            <Empty icon={Users} title="Nobody is a member yet">
              People you add get a link that signs them in once.
            </Empty>
          )
        }
      />
      {shown?.kind === "add" && (
        <AddMember
          roles={roleOptions}
          onClose={() => setShown((now) => (now?.kind === "add" ? undefined : now))}
          onAdded={(once) => {
            void reread();
            setShown({ kind: "once", once });
          }}
        />
      )}
      {shown?.kind === "edit" && (
        <EditMember id={shown.member.id} roles={roleOptions} onClose={close} onSaved={() => void reread()} />
      )}
      {shown?.kind === "once" && <ShownOnce once={shown.once} onClose={close} />}
      <Confirm
        open={shown?.kind === "link"}
        onClose={() => setShown((now) => (now?.kind === "link" ? undefined : now))}
        title={`Make a sign-in link for ${shown?.kind === "link" ? shown.member.email : ""}?`}
        verb="Make a link"
        onConfirm={async () => {
          if (shown?.kind !== "link") return;
          const made = await body(
            api.POST("/api/v1/members/{member}/sign-in-link", { params: { path: { member: shown.member.id } } }),
          );
          setShown({
            kind: "once",
            once: {
              title: "Sign-in link",
              what: "link",
              text: signInLink(made.sign_in_token),
              expires_at: made.expires_at,
            },
          });
        }}
      >
        It works once and lets this person choose a new password. Hand it over by a way you trust.
      </Confirm>
      <Confirm
        open={shown?.kind === "remove"}
        onClose={close}
        title={`Remove ${shown?.kind === "remove" ? shown.member.email : ""}?`}
        verb="Remove member"
        danger
        onConfirm={async () => {
          if (shown?.kind !== "remove") return;
          await api.DELETE("/api/v1/members/{member}", { params: { path: { member: shown.member.id } } });
          await reread();
        }}
      >
        Their sessions and API keys end at once. What they made stays.
      </Confirm>
    </Page>
  );
}

type RoleOptions = { value: string; label: string }[];

const added = z.object({
  email: z.email("Write an e-mail address, such as mara@example.org."),
  display_name: text("add_member", "display_name"),
  role: z.string().min(1, "Choose a role."),
});

function AddMember({
  roles,
  onClose,
  onAdded,
}: {
  roles: RoleOptions;
  onClose: () => void;
  onAdded: (once: Once) => void;
}) {
  const form = useZodForm(added, { email: "", display_name: "", role: "" });
  return (
    <FormDialog
      title="Add member"
      description="They get a link that signs them in once, and choose a password then."
      form={form}
      verb="Add member"
      onClose={onClose}
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
  if (!member.data) return null;
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
