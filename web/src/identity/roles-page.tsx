import { Lock, Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { z } from "zod";
import { useVersioned, type Versioned } from "@/api/changes";
import { api } from "@/api/client";
import { $api } from "@/api/queries";
import { text } from "@/api/rules";
import { Badge } from "@/kit/badge";
import { Button } from "@/kit/button";
import { Card, CardHead } from "@/kit/card";
import { Confirm } from "@/kit/confirm";
import { FormField, useZodForm } from "@/kit/form";
import { FormDialog } from "@/kit/form-dialog";
import { Input } from "@/kit/input";
import { ActionMenu } from "@/kit/menu";
import { Page } from "@/kit/page";
import { CouldNotOpen } from "./could-not-open";
import { Loaded } from "./loaded";
import { PermissionPicker } from "./permission-picker";
import { type Role, useReread, useRoles } from "./queries";
import { useSession } from "./session";

type Shown = { kind: "create"; like?: Role } | { kind: "edit" | "delete"; role: Role };

export function RolesPage() {
  const { may, role: mine } = useSession();
  const roles = useRoles();
  const reread = useReread("/api/v1/roles");
  const [shown, setShown] = useState<Shown>();
  const close = () => setShown(undefined);
  const writes = may("roles:write");
  return (
    <Page
      title="Roles"
      description="Sets of permissions. The built-in ones stay as they are; make your own beside them."
      actions={
        writes && (
          <Button variant="primary" onClick={() => setShown({ kind: "create" })}>
            <Plus aria-hidden className="size-4" />
            Create role
          </Button>
        )
      }
    >
      <div className="grid gap-4 px-4 pb-6 md:px-6">
        <Loaded query={roles} what="The roles">
          {({ items }) =>
            items.map((role) => (
              <Card key={role.id} aria-label={role.name}>
                <CardHead
                  title={role.name}
                  sub={
                    <span className="inline-flex items-center gap-2">
                      {role.built_in && (
                        <span className="inline-flex items-center gap-1">
                          <Lock aria-hidden className="size-3" />
                          built in
                        </span>
                      )}
                      {role.name === mine && "yours"}
                    </span>
                  }
                >
                  {writes && (
                    <ActionMenu
                      of={role.name}
                      items={[
                        { label: "Copy", icon: Plus, onSelect: () => setShown({ kind: "create", like: role }) },
                        {
                          label: "Edit",
                          icon: Pencil,
                          onSelect: () => setShown({ kind: "edit", role }),
                          ...(role.built_in && { blocked: "Built in" }),
                        },
                        "separator",
                        {
                          label: "Delete",
                          icon: Trash2,
                          danger: true,
                          onSelect: () => setShown({ kind: "delete", role }),
                          ...(role.built_in && { blocked: "Built in" }),
                        },
                      ]}
                    />
                  )}
                </CardHead>
                <div className="grid gap-2 p-4">
                  {role.description && <p className="text-fg-2">{role.description}</p>}
                  <ul className="flex flex-wrap gap-1" aria-label={`Permissions of ${role.name}`}>
                    {role.permissions.map((permission) => (
                      <li key={permission} className="flex">
                        <Badge mono>{permission}</Badge>
                      </li>
                    ))}
                  </ul>
                </div>
              </Card>
            ))
          }
        </Loaded>
      </div>
      {shown?.kind === "create" && <CreateRole like={shown.like} onClose={close} onSaved={reread} />}
      {shown?.kind === "edit" && <EditRole id={shown.role.id} onClose={close} onSaved={reread} />}
      {shown?.kind === "delete" && (
        <Confirm
          onClose={close}
          title={`Delete the role ${shown.role.name}?`}
          verb="Delete role"
          danger
          onConfirm={async () => {
            await api.DELETE("/api/v1/roles/{role}", { params: { path: { role: shown.role.id } } });
            await reread();
          }}
        >
          A role that somebody holds cannot be deleted: give them another one first.
        </Confirm>
      )}
    </Page>
  );
}

type SavedProps = { onClose: () => void; onSaved: () => Promise<void> };

const permissions = z.array(z.string()).min(1, "Choose what the role may do.");
const created = z.object({
  name: text("create_role", "name", { required: "Give it a name." }),
  description: text("create_role", "description"),
  permissions,
});

function CreateRole({ like, onClose, onSaved }: SavedProps & { like?: Role }) {
  const form = useZodForm(created, { name: "", description: "", permissions: like?.permissions ?? [] });
  const all = $api.useQuery("get", "/api/v1/permissions");
  return (
    <FormDialog
      size="lg"
      title={like ? `Create a role like ${like.name}` : "Create role"}
      form={form}
      verb="Create role"
      onClose={onClose}
      send={async (body) => {
        await api.POST("/api/v1/roles", { body });
        await onSaved();
      }}
    >
      <FormField form={form} name="name" label="Name" hint="It cannot change later.">
        {(field) => <Input mono {...field} />}
      </FormField>
      <FormField form={form} name="description" label="Description" optional>
        {(field) => <Input {...field} />}
      </FormField>
      <FormField form={form} name="permissions" label="Permissions" kind="group">
        {(field) => <PermissionPicker all={all.data?.items ?? []} value={field.value} onChange={field.onChange} />}
      </FormField>
    </FormDialog>
  );
}

function EditRole({ id, ...rest }: SavedProps & { id: string }) {
  const role = useVersioned(["get", "/api/v1/roles/{role}", id], () =>
    api.GET("/api/v1/roles/{role}", { params: { path: { role: id } } }),
  );
  if (!role.data) return <CouldNotOpen what="role" query={role} onClose={rest.onClose} />;
  return <EditRoleForm key={role.data.etag} role={role.data} {...rest} />;
}

const edited = created.omit({ name: true });

function EditRoleForm({ role, onClose, onSaved }: SavedProps & { role: Versioned<Role> }) {
  const { value, etag } = role;
  const form = useZodForm(edited, { description: value.description, permissions: value.permissions });
  const all = $api.useQuery("get", "/api/v1/permissions");
  return (
    <FormDialog
      size="lg"
      title={`Edit ${value.name}`}
      description="It applies to the next request of everybody who holds it."
      form={form}
      verb="Save"
      onClose={onClose}
      send={async (body) => {
        await api.PATCH("/api/v1/roles/{role}", {
          params: { path: { role: value.id }, header: { "If-Match": etag } },
          body,
        });
        await onSaved();
      }}
    >
      <FormField form={form} name="description" label="Description" optional>
        {(field) => <Input {...field} />}
      </FormField>
      <FormField form={form} name="permissions" label="Permissions" kind="group">
        {(field) => <PermissionPicker all={all.data?.items ?? []} value={field.value} onChange={field.onChange} />}
      </FormField>
    </FormDialog>
  );
}
