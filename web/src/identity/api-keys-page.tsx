import { useNavigate, useSearch } from "@tanstack/react-router";
import { Ban, Bot, KeyRound, Plus, Trash2 } from "lucide-react";
import { useCallback, useMemo, useState } from "react";
import { z } from "zod";
import { api, body } from "@/api/client";
import { $api } from "@/api/queries";
import { text } from "@/api/rules";
import { Badge } from "@/kit/badge";
import { Button } from "@/kit/button";
import { Card, CardHead } from "@/kit/card";
import { Confirm } from "@/kit/confirm";
import type { Column } from "@/kit/data-table";
import { FormField, useZodForm } from "@/kit/form";
import { FormDialog } from "@/kit/form-dialog";
import { IconButton } from "@/kit/icon-button";
import { Input } from "@/kit/input";
import { Select } from "@/kit/select";
import { Empty } from "@/kit/states";
import { apiKeyState, Status } from "@/kit/status";
import { Time } from "@/kit/time";
import { ListPage } from "@/shell/list-page";
import { Loaded } from "./loaded";
import { PermissionPicker } from "./permission-picker";
import {
  type ApiKey,
  type ServiceAccount,
  useApiKeys,
  useReread,
  useRoles,
  useServiceAccounts,
  useWho,
} from "./queries";
import { useSession } from "./session";
import { type Once, ShownOnce } from "./shown-once";

type Shown =
  | { kind: "create"; account?: ServiceAccount }
  | { kind: "once"; once: Once }
  | { kind: "revoke"; key: ApiKey }
  | { kind: "create-account" }
  | { kind: "delete-account"; account: ServiceAccount };

/** What a key is now; the server refuses expired ones by itself. */
export function stateOf(key: ApiKey, now = Date.now()): "active" | "expired" | "revoked" {
  if (key.revoked_at) return "revoked";
  return key.expires_at && new Date(key.expires_at).getTime() <= now ? "expired" : "active";
}

const states = ["active", "expired", "revoked"] as const;
const active = ["active"];
const everything = { q: "", state: [] as string[] };

type OwnerOf = (key: ApiKey) => string;

const columnsOf = (ownerOf: OwnerOf, onRevoke: (key: ApiKey) => void): Column<ApiKey>[] => [
  {
    id: "key",
    header: "Key",
    width: "minmax(13rem, 2fr)",
    cell: (key) => (
      <span className="block min-w-0 leading-4.5">
        <span className="block truncate font-medium">{key.name}</span>
        <span className="block truncate font-mono text-2xs text-fg-3">{key.display}…</span>
      </span>
    ),
  },
  {
    id: "state",
    header: "State",
    width: "7rem",
    card: "aside",
    cell: (key) => <Status state={apiKeyState(stateOf(key))} />,
  },
  { id: "owner", header: "Owner", cell: (key) => <span className="truncate text-fg-2">{ownerOf(key)}</span> },
  {
    id: "scopes",
    header: "May do",
    cell: (key) =>
      key.scopes.length === 0 ? (
        <span className="text-fg-2">All its owner may</span>
      ) : (
        <span className="flex min-w-0 items-center gap-1" title={key.scopes.join(", ")}>
          <Badge mono>{key.scopes[0]}</Badge>
          {key.scopes.length > 1 && <span className="text-xs text-fg-3">and {key.scopes.length - 1} more</span>}
        </span>
      ),
  },
  {
    id: "used",
    yields: 2,
    header: "Last used",
    width: "6.5rem",
    cell: (key) =>
      key.last_used_at ? (
        <Time value={key.last_used_at} className="tnum text-fg-2" />
      ) : (
        <span className="text-fg-3">Never</span>
      ),
  },
  {
    id: "expires",
    yields: 1,
    header: "Expires",
    width: "6.5rem",
    cell: (key) =>
      key.expires_at ? (
        <Time value={key.expires_at} className="tnum text-fg-2" />
      ) : (
        <span className="text-fg-3">Never</span>
      ),
  },
  {
    id: "actions",
    header: "Revoke",
    width: "4rem",
    card: "none",
    cell: (key) =>
      !key.revoked_at && (
        <IconButton label={`Revoke ${key.name}`} onClick={() => onRevoke(key)}>
          <Ban aria-hidden className="size-4" />
        </IconButton>
      ),
  },
];

export function ApiKeysPage() {
  const { q = "", state = active } = useSearch({ from: "/modelops/settings/api-keys" });
  const navigate = useNavigate({ from: "/modelops/settings/api-keys" });
  const set = (change: { q?: string; state?: string[] }) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true });
  const { may } = useSession();
  const keys = useApiKeys();
  const accounts = useServiceAccounts(may("service_accounts:read"));
  const reread = useReread("/api/v1/api-keys", "/api/v1/service-accounts");
  const who = useWho();
  const [shown, setShown] = useState<Shown>();
  const close = () => setShown(undefined);

  const ownerOf = useCallback<OwnerOf>(
    ({ owner_kind, owner_id }) =>
      owner_kind === "service_account"
        ? (accounts.data?.items.find((account) => account.id === owner_id)?.name ?? owner_id)
        : who(owner_id),
    [accounts.data, who],
  );
  const columns = useMemo(() => columnsOf(ownerOf, (key) => setShown({ kind: "revoke", key })), [ownerOf]);
  const rows = keys.data?.items.filter(
    (key) =>
      (state.length === 0 || state.includes(stateOf(key))) &&
      (q === "" || `${key.name} ${ownerOf(key)}`.toLowerCase().includes(q.toLowerCase())),
  );

  const create = (
    <Button variant="primary" onClick={() => setShown({ kind: "create" })}>
      <Plus aria-hidden className="size-4" />
      Create API key
    </Button>
  );
  return (
    <ListPage
      title="API keys"
      description="For the command line, pipelines and calls of models. A key may do what its owner may, or less."
      actions={create}
      what="API key"
      placeholder="Filter by name or owner"
      list={{ ...keys, data: rows }}
      columns={columns}
      search={{ q, state }}
      everything={everything}
      onSearch={set}
      facets={[
        {
          name: "state",
          label: "State",
          options: states.map((value) => ({
            value,
            label: <Status state={apiKeyState(value)} />,
            count: keys.data?.items.filter((key) => stateOf(key) === value).length,
          })),
        },
      ]}
      narrowed={keys.data !== undefined && keys.data.items.length > 0}
      above={may("service_accounts:read") && <ServiceAccounts accounts={accounts} onShow={setShown} />}
      empty={
        <Empty icon={KeyRound} title="There is no API key yet" action={create}>
          A key lets a program do what you may, or a part of it.
        </Empty>
      }
    >
      {shown?.kind === "create" && (
        <CreateKey
          account={shown.account}
          onClose={close}
          onMade={(once) => {
            void reread();
            setShown({ kind: "once", once });
          }}
        />
      )}
      {shown?.kind === "create-account" && <CreateAccount onClose={close} onSaved={reread} />}
      {shown?.kind === "once" && <ShownOnce once={shown.once} onClose={close} />}
      {shown?.kind === "revoke" && (
        <Confirm
          onClose={close}
          title={`Revoke ${shown.key.name}?`}
          verb="Revoke key"
          danger
          onConfirm={async () => {
            await api.DELETE("/api/v1/api-keys/{key}", { params: { path: { key: shown.key.id } } });
            await reread();
          }}
        >
          The API refuses it at once, gateways within two seconds. This cannot be undone.
        </Confirm>
      )}
      {shown?.kind === "delete-account" && (
        <Confirm
          onClose={close}
          title={`Delete the service account ${shown.account.name}?`}
          verb="Delete service account"
          typed={shown.account.name}
          onConfirm={async () => {
            await api.DELETE("/api/v1/service-accounts/{service_account}", {
              params: { path: { service_account: shown.account.id } },
            });
            await reread();
          }}
        >
          All of its keys are revoked.
        </Confirm>
      )}
    </ListPage>
  );
}

type ServiceAccountsProps = { accounts: ReturnType<typeof useServiceAccounts>; onShow: (shown: Shown) => void };

function ServiceAccounts({ accounts, onShow }: ServiceAccountsProps) {
  const { may } = useSession();
  const writes = may("service_accounts:write");
  return (
    <Card aria-label="Service accounts">
      <CardHead title="Service accounts" sub="Identities for pipelines: nobody signs in as one">
        {writes && (
          <Button size="sm" variant="ghost" onClick={() => onShow({ kind: "create-account" })}>
            <Plus aria-hidden className="size-3.5" />
            Add
          </Button>
        )}
      </CardHead>
      <Loaded query={accounts} what="The service accounts" lines={1}>
        {({ items }) =>
          items.length === 0 ? (
            <p className="px-4 py-3 text-fg-2">There is none yet.</p>
          ) : (
            <ul className="max-h-36 overflow-y-auto py-1">
              {items.map((account) => (
                <li key={account.id} className="flex min-h-9 items-center gap-3 px-4">
                  <Bot aria-hidden className="size-4 text-fg-3" />
                  <span className="font-medium">{account.name}</span>
                  <span className="truncate text-xs text-fg-2">{account.role}</span>
                  {writes && (
                    <span className="ml-auto flex items-center gap-1">
                      <Button
                        size="sm"
                        variant="ghost"
                        onClick={() => onShow({ kind: "create", account })}
                        aria-label={`Create a key of ${account.name}`}
                      >
                        Create key
                      </Button>
                      <IconButton
                        label={`Delete ${account.name}`}
                        className="size-7"
                        onClick={() => onShow({ kind: "delete-account", account })}
                      >
                        <Trash2 aria-hidden className="size-3.5" />
                      </IconButton>
                    </span>
                  )}
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </Card>
  );
}

const lifetimes = [
  { value: "30", label: "30 days" },
  { value: "90", label: "90 days" },
  { value: "365", label: "1 year" },
  { value: "never", label: "Never", hint: "Rotate it yourself" },
];
const created = z.object({
  name: text("create_api_key", "name", { required: "Say what it is for." }),
  lifetime: z.enum(["30", "90", "365", "never"]),
  scopes: z.array(z.string()),
});

type CreateKeyProps = { account?: ServiceAccount; onClose: () => void; onMade: (once: Once) => void };

function CreateKey({ account, onClose, onMade }: CreateKeyProps) {
  const form = useZodForm(created, { name: "", lifetime: "90" as const, scopes: [] });
  const { permissions: mine, may } = useSession();
  const all = $api.useQuery("get", "/api/v1/permissions", {}, { enabled: may("roles:read") });
  return (
    <FormDialog
      size="lg"
      title={account ? `Create an API key of ${account.name}` : "Create API key"}
      form={form}
      verb="Create key"
      onClose={onClose}
      keepOpen
      send={async ({ name, lifetime, scopes }) => {
        const made = await body(
          api.POST("/api/v1/api-keys", {
            body: {
              name,
              scopes,
              ...(lifetime !== "never" && { expires_in_days: Number(lifetime) }),
              ...(account && { service_account: account.id }),
            },
          }),
        );
        onMade({ title: `API key ${made.name}`, what: "key", text: made.token, expires_at: made.expires_at });
      }}
    >
      <FormField form={form} name="name" label="What it is for">
        {(field) => <Input placeholder="CI of the fraud team" {...field} />}
      </FormField>
      <FormField form={form} name="lifetime" label="Expires after" kind="button">
        {(field) => <Select options={lifetimes} {...field} onChange={field.onChange} />}
      </FormField>
      <FormField
        form={form}
        name="scopes"
        label="May do"
        kind="group"
        optional
        hint="Nothing chosen: all that its owner may. To call models, inference:call is enough."
      >
        {(field) => (
          <PermissionPicker
            all={account ? (all.data?.items ?? mine) : mine}
            value={field.value}
            onChange={field.onChange}
          />
        )}
      </FormField>
    </FormDialog>
  );
}

const createdAccount = z.object({
  name: text("create_service_account", "name", { required: "Give it a name." }),
  description: text("create_service_account", "description"),
  role: z.string().min(1, "Choose a role."),
});

function CreateAccount({ onClose, onSaved }: { onClose: () => void; onSaved: () => Promise<void> }) {
  const form = useZodForm(createdAccount, { name: "", description: "", role: "" });
  const roles = useRoles();
  return (
    <FormDialog
      title="Create service account"
      form={form}
      verb="Create service account"
      onClose={onClose}
      send={async (values) => {
        await api.POST("/api/v1/service-accounts", { body: values });
        await onSaved();
      }}
    >
      <FormField form={form} name="name" label="Name">
        {(field) => <Input mono placeholder="ci-fraud" {...field} />}
      </FormField>
      <FormField form={form} name="description" label="Description" optional>
        {(field) => <Input {...field} />}
      </FormField>
      <FormField form={form} name="role" label="Role" kind="button">
        {(field) => (
          <Select
            options={roles.data?.items.map((role) => ({ value: role.name, label: role.name })) ?? []}
            {...field}
          />
        )}
      </FormField>
    </FormDialog>
  );
}
