import { useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { Ellipsis, KeyRound, Plus, Router, Server, Unplug } from "lucide-react";
import { useState } from "react";
import { z } from "zod";
import { api, body } from "@/api/client";
import { and, contains, oneOf } from "@/api/filter";
import { $api, useList } from "@/api/queries";
import { text } from "@/api/rules";
import { Failure } from "@/identity/failure";
import { useSession } from "@/identity/session";
import { Badge } from "@/kit/badge";
import { Button } from "@/kit/button";
import { Card, CardHead } from "@/kit/card";
import { Confirm } from "@/kit/confirm";
import { type Column, DataTable } from "@/kit/data-table";
import { FilterBar } from "@/kit/filter-bar";
import { FormField, useZodForm } from "@/kit/form";
import { FormDialog } from "@/kit/form-dialog";
import { IconButton } from "@/kit/icon-button";
import { Input } from "@/kit/input";
import { Menu } from "@/kit/menu";
import { Page } from "@/kit/page";
import { Empty, NoMatch } from "@/kit/states";
import { machineState, Status } from "@/kit/status";
import { Time } from "@/kit/time";
import { bytes, plural } from "@/lib/format";
import { EnrollDialog, type Enrollment } from "./enroll-dialog";
import { engineName, type Gateway, inventoryOf, type Target } from "./queries";

const states = ["online", "offline", "pending", "revoked"] as const;

type Shown =
  | { kind: "create-target" }
  | { kind: "create-gateway" }
  | { kind: "enroll"; enrollment: Enrollment }
  | { kind: "revoke-gateway"; gateway: Gateway };

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
  const rows = targets.data;
  const writes = may("targets:write");

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

  const create = writes && (
    <Button variant="primary" onClick={() => setShown({ kind: "create-target" })}>
      <Plus aria-hidden className="size-4" />
      Add target
    </Button>
  );
  const gateway = shown?.kind === "revoke-gateway" ? shown.gateway : undefined;
  const client = useQueryClient();
  const newToken = async (name: string) => {
    const made = await body(
      api.POST("/api/v1/gateways/{gateway}/enrollment-token", { params: { path: { gateway: name } } }),
    );
    setShown({ kind: "enroll", enrollment: { program: "gateway", name, ...made } });
  };
  return (
    <Page full title="Targets" description="Machines that run engines, and the gateways before them." actions={create}>
      <Gateways
        writes={writes}
        onCreate={() => setShown({ kind: "create-gateway" })}
        onToken={(name) => void newToken(name)}
        onRevoke={(one) => setShown({ kind: "revoke-gateway", gateway: one })}
      />
      <FilterBar
        label="Filter targets"
        placeholder="Filter by name"
        query={q}
        onQuery={(words) => set({ q: words })}
        facets={[
          {
            label: "State",
            selected: state,
            onChange: (chosen) => set({ state: chosen }),
            options: states.map((value) => ({ value, label: <Status state={machineState(value)} /> })),
          },
        ]}
        result={rows ? plural(rows.length, "target") + (targets.hasNextPage ? " so far" : "") : ""}
        onClear={() => set({ q: "", state: [] })}
      />
      <DataTable
        label="Targets"
        columns={columns}
        rows={rows}
        rowId={(row) => row.id}
        paging={targets}
        orderBy={order}
        onOrderBy={(next) => set({ order: next })}
        onOpen={(row) => void navigate({ to: "/modelops/targets/$target", params: { target: row.name } })}
        resetKey={q + state.join()}
        error={
          targets.error &&
          !targets.data && (
            <Failure
              error={targets.error}
              title="The targets could not be loaded"
              onRetry={() => void targets.refetch()}
            />
          )
        }
        empty={
          q !== "" || state.length > 0 ? (
            <NoMatch what="target" onClear={() => set({ q: "", state: [] })} />
          ) : (
            <Empty icon={Server} title="There is no target yet" action={create}>
              A target is a machine with an agent. Deployments run on it as supervised engines.
            </Empty>
          )
        }
      />
      {shown?.kind === "create-target" && (
        <CreateMachine
          program="agent"
          onClose={() => setShown((now) => (now?.kind === "create-target" ? undefined : now))}
          onMade={(enrollment) => setShown({ kind: "enroll", enrollment })}
        />
      )}
      {shown?.kind === "create-gateway" && (
        <CreateMachine
          program="gateway"
          onClose={() => setShown((now) => (now?.kind === "create-gateway" ? undefined : now))}
          onMade={(enrollment) => setShown({ kind: "enroll", enrollment })}
        />
      )}
      {shown?.kind === "enroll" && <EnrollDialog enrollment={shown.enrollment} onClose={close} />}
      <Confirm
        open={gateway !== undefined}
        onClose={close}
        title={`Revoke the gateway ${gateway?.name ?? ""}?`}
        verb="Revoke gateway"
        danger
        onConfirm={async () => {
          if (!gateway) return;
          await api.POST("/api/v1/gateways/{gateway}/revoke", { params: { path: { gateway: gateway.id } } });
          await client.invalidateQueries({ queryKey: ["get", "/api/v1/gateways"] });
        }}
      >
        It hears of no change any more and serves on with what it knows until it is stopped.
      </Confirm>
    </Page>
  );
}

type GatewaysProps = {
  writes: boolean;
  onCreate: () => void;
  onToken: (name: string) => void;
  onRevoke: (gateway: Gateway) => void;
};

function Gateways({ writes, onCreate, onToken, onRevoke }: GatewaysProps) {
  const gateways = $api.useQuery("get", "/api/v1/gateways");
  return (
    <div className="px-4 pb-4 md:px-6">
      <Card aria-label="Gateways">
        <CardHead title="Gateways" sub="where inference comes in">
          {writes && (
            <Button size="sm" variant="ghost" onClick={onCreate}>
              <Plus aria-hidden className="size-3.5" />
              Add gateway
            </Button>
          )}
        </CardHead>
        {gateways.data?.items.length === 0 && (
          <p className="px-4 py-3 text-fg-2">There is none yet: deployments run, and nobody can call them.</p>
        )}
        <ul className="max-h-36 overflow-y-auto py-1">
          {gateways.data?.items.map((gateway) => (
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
                <Menu
                  items={[
                    { label: "New enrollment token", icon: KeyRound, onSelect: () => onToken(gateway.name) },
                    "separator",
                    {
                      label: "Revoke",
                      icon: Unplug,
                      danger: true,
                      onSelect: () => onRevoke(gateway),
                      ...(gateway.state === "revoked" && { blocked: "Is revoked" }),
                    },
                  ]}
                  trigger={
                    <IconButton label={`Actions for ${gateway.name}`}>
                      <Ellipsis aria-hidden className="size-4" />
                    </IconButton>
                  }
                />
              )}
            </li>
          ))}
        </ul>
      </Card>
    </div>
  );
}

const created = z.object({ name: text("create_target", "name", { required: "Give it a name." }) });

function CreateMachine({
  program,
  onClose,
  onMade,
}: {
  program: "agent" | "gateway";
  onClose: () => void;
  onMade: (enrollment: Enrollment) => void;
}) {
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
