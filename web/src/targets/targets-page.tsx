import { useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { KeyRound, Plus, Router, Server, Unplug } from "lucide-react";
import { useState } from "react";
import { z } from "zod";
import { api, body } from "@/api/client";
import { and, contains, oneOf } from "@/api/filter";
import { $api, useList } from "@/api/queries";
import { text } from "@/api/rules";
import { Loaded } from "@/identity/loaded";
import { useSession } from "@/identity/session";
import { Badge } from "@/kit/badge";
import { Button } from "@/kit/button";
import { Card, CardHead } from "@/kit/card";
import { Confirm } from "@/kit/confirm";
import type { Column } from "@/kit/data-table";
import { FormField, useZodForm } from "@/kit/form";
import { FormDialog } from "@/kit/form-dialog";
import { Input } from "@/kit/input";
import { ActionMenu } from "@/kit/menu";
import { Empty } from "@/kit/states";
import { machineState, Status } from "@/kit/status";
import { Time } from "@/kit/time";
import { bytes, plural } from "@/lib/format";
import { ListPage } from "@/shell/list-page";
import { EnrollDialog, type Enrollment } from "./enroll-dialog";
import { engineName, type Gateway, inventoryOf, type Target } from "./queries";

const states = ["online", "offline", "pending", "revoked"] as const;
const stateOptions = states.map((value) => ({ value, label: <Status state={machineState(value)} /> }));
const everything = { q: "", state: [] as string[] };

const columns: Column<Target>[] = [
  {
    id: "target",
    header: "Target",
    width: "minmax(11rem, 1.4fr)",
    sort: "name",
    cell: (row) => (
      <span className="block min-w-0 leading-4.5">
        <span className="block truncate font-medium">{row.name}</span>
        <span className="block truncate font-mono text-2xs text-fg-3">{inventoryOf(row).hostname}</span>
      </span>
    ),
  },
  {
    id: "state",
    header: "State",
    width: "9rem",
    sort: "state",
    card: "aside",
    cell: (row) => <Status state={machineState(row.state)} />,
  },
  {
    id: "machine",
    header: "Machine",
    width: "minmax(10rem, 1fr)",
    cell: (row) =>
      inventoryOf(row).cpus > 0 && (
        <span className="truncate text-fg-2">
          {plural(inventoryOf(row).cpus, "CPU")}, {bytes(inventoryOf(row).memory_bytes)}
          {inventoryOf(row).gpus.length > 0 && `, ${plural(inventoryOf(row).gpus.length, "GPU")}`}
        </span>
      ),
  },
  {
    id: "engines",
    yields: 2,
    header: "Engines",
    width: "minmax(10rem, 1.2fr)",
    cell: (row) => (
      <span className="truncate text-fg-2">
        {inventoryOf(row)
          .engines.map((engine) => engineName(engine.id))
          .join(", ")}
      </span>
    ),
  },
  {
    id: "labels",
    yields: 1,
    header: "Labels",
    optional: true,
    cell: (row) => (
      <span className="flex min-w-0 gap-1">
        {Object.entries(row.labels).map(([key, value]) => (
          <Badge key={key} mono>
            {key}={value}
          </Badge>
        ))}
      </span>
    ),
  },
  {
    id: "seen",
    header: "Last heard",
    width: "6.5rem",
    cell: (row) =>
      row.last_seen_at ? (
        <Time value={row.last_seen_at} className="tnum text-fg-2" />
      ) : (
        <span className="text-fg-3">Never</span>
      ),
  },
];

type Shown =
  | { kind: "create"; program: Enrollment["program"] }
  | { kind: "enroll"; enrollment: Enrollment }
  | { kind: "token" | "revoke"; gateway: Gateway };

export function TargetsPage() {
  const { q = "", state = [], order = "name" } = useSearch({ from: "/modelops/targets/" });
  const navigate = useNavigate({ from: "/modelops/targets/" });
  const set = (change: { q?: string; state?: string[]; order?: string }) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true });
  const { may } = useSession();
  const [shown, setShown] = useState<Shown>();
  const close = () => setShown(undefined);
  const targets = useList("/api/v1/targets", {
    query: { filter: and(q && contains("name", q), oneOf("state", state)), order_by: order },
  });
  const writes = may("targets:write");

  const create = writes && (
    <Button variant="primary" onClick={() => setShown({ kind: "create", program: "agent" })}>
      <Plus aria-hidden className="size-4" />
      Add target
    </Button>
  );
  const client = useQueryClient();
  const enroll = (enrollment: Enrollment) => setShown({ kind: "enroll", enrollment });
  return (
    <ListPage
      title="Targets"
      description="Machines that run engines, and the gateways before them."
      actions={create}
      what="target"
      placeholder="Filter by name"
      list={targets}
      columns={columns}
      search={{ q, state }}
      everything={everything}
      onSearch={set}
      facets={[{ name: "state", label: "State", options: stateOptions }]}
      orderBy={order}
      onOrderBy={(next) => set({ order: next })}
      onOpen={(row) => void navigate({ to: "/modelops/targets/$target", params: { target: row.name } })}
      above={<Gateways writes={writes} onShow={setShown} />}
      empty={
        <Empty icon={Server} title="There is no target yet" action={create}>
          A target is a machine with an agent. Deployments run on it as supervised engines.
        </Empty>
      }
    >
      {shown?.kind === "create" && <CreateMachine program={shown.program} onClose={close} onMade={enroll} />}
      {shown?.kind === "enroll" && <EnrollDialog enrollment={shown.enrollment} onClose={close} />}
      {shown?.kind === "token" && (
        <Confirm
          onClose={close}
          title={`Make a new enrollment token for the gateway ${shown.gateway.name}?`}
          verb="Make a token"
          keepOpen
          onConfirm={async () => {
            const { name } = shown.gateway;
            const made = await body(
              api.POST("/api/v1/gateways/{gateway}/enrollment-token", { params: { path: { gateway: name } } }),
            );
            enroll({ program: "gateway", name, ...made });
          }}
        >
          A gateway that enrolls with it takes the place of the present one.
        </Confirm>
      )}
      {shown?.kind === "revoke" && (
        <Confirm
          onClose={close}
          title={`Revoke the gateway ${shown.gateway.name}?`}
          verb="Revoke gateway"
          danger
          onConfirm={async () => {
            await api.POST("/api/v1/gateways/{gateway}/revoke", { params: { path: { gateway: shown.gateway.id } } });
            await client.invalidateQueries({ queryKey: ["get", "/api/v1/gateways"] });
          }}
        >
          It hears of no change any more and serves on with what it knows until it is stopped.
        </Confirm>
      )}
    </ListPage>
  );
}

function Gateways({ writes, onShow }: { writes: boolean; onShow: (shown: Shown) => void }) {
  const gateways = $api.useQuery("get", "/api/v1/gateways");
  return (
    <Card aria-label="Gateways">
      <CardHead title="Gateways" sub="where inference comes in">
        {writes && (
          <Button size="sm" variant="ghost" onClick={() => onShow({ kind: "create", program: "gateway" })}>
            <Plus aria-hidden className="size-3.5" />
            Add gateway
          </Button>
        )}
      </CardHead>
      <Loaded query={gateways} what="The gateways" lines={1}>
        {({ items }) =>
          items.length === 0 ? (
            <p className="px-4 py-3 text-fg-2">There is none yet: deployments run, and nobody can call them.</p>
          ) : (
            <ul className="max-h-36 overflow-y-auto py-1">
              {items.map((gateway) => (
                <li key={gateway.id} className="flex min-h-9 items-center gap-3 px-4">
                  <Router aria-hidden className="size-4 text-fg-3" />
                  <span className="font-medium">{gateway.name}</span>
                  <Status state={machineState(gateway.state)} />
                  <span className="ml-auto text-xs text-fg-3">
                    {gateway.last_seen_at && (
                      <>
                        heard <Time value={gateway.last_seen_at} />
                      </>
                    )}
                  </span>
                  {writes && (
                    <ActionMenu
                      of={gateway.name}
                      items={[
                        {
                          label: "New enrollment token",
                          icon: KeyRound,
                          onSelect: () => onShow({ kind: "token", gateway }),
                        },
                        "separator",
                        {
                          label: "Revoke",
                          icon: Unplug,
                          danger: true,
                          onSelect: () => onShow({ kind: "revoke", gateway }),
                          ...(gateway.state === "revoked" && { blocked: "Is revoked" }),
                        },
                      ]}
                    />
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

const created = z.object({ name: text("create_target", "name", { required: "Give it a name." }) });

type CreateProps = {
  program: Enrollment["program"];
  onClose: () => void;
  onMade: (enrollment: Enrollment) => void;
};

function CreateMachine({ program, onClose, onMade }: CreateProps) {
  const form = useZodForm(created, { name: "" });
  const client = useQueryClient();
  return (
    <FormDialog
      title={program === "agent" ? "Add target" : "Add gateway"}
      description={
        program === "agent"
          ? "You get a command that starts its agent on the machine."
          : "You get a command that starts it, near the engines or where clients reach it."
      }
      form={form}
      verb={program === "agent" ? "Add target" : "Add gateway"}
      onClose={onClose}
      keepOpen
      send={async ({ name }) => {
        const made =
          program === "agent"
            ? await body(api.POST("/api/v1/targets", { body: { name } }))
            : await body(api.POST("/api/v1/gateways", { body: { name } }));
        const list = program === "agent" ? "/api/v1/targets" : "/api/v1/gateways";
        await client.invalidateQueries({ queryKey: ["get", list] });
        onMade({ program, name, token: made.token, expires_at: made.token_expires_at });
      }}
    >
      <FormField form={form} name="name" label="Name">
        {(field) => <Input mono placeholder={program === "agent" ? "gpu-1" : "edge-1"} {...field} />}
      </FormField>
    </FormDialog>
  );
}
