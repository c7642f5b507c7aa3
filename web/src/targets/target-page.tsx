import { useQueryClient } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { KeyRound, Rocket, Tags, Unplug } from "lucide-react";
import { useState } from "react";
import { useVersioned, type Versioned } from "@/api/changes";
import { api, body } from "@/api/client";
import { eq } from "@/api/filter";
import { useList } from "@/api/queries";
import { Loaded } from "@/identity/loaded";
import { useSession } from "@/identity/session";
import { Badge } from "@/kit/badge";
import { Card, CardHead } from "@/kit/card";
import { Confirm } from "@/kit/confirm";
import { CopyText } from "@/kit/copy-text";
import { ActionMenu } from "@/kit/menu";
import { More } from "@/kit/more";
import { Notice } from "@/kit/notice";
import { Page } from "@/kit/page";
import { deploymentState, machineState, Status, severity } from "@/kit/status";
import { Time } from "@/kit/time";
import { bytes, plural } from "@/lib/format";
import { ObjectLink } from "@/shell/object-link";
import { EnrollDialog, type Enrollment } from "./enroll-dialog";
import { LabelsDialog } from "./labels-dialog";
import { engineName, inventoryOf, type Target } from "./queries";

export function TargetPage() {
  const { target: name } = useParams({ from: "/modelops/targets/$target" });
  const target = useVersioned(["get", "/api/v1/targets/{target}", name], () =>
    api.GET("/api/v1/targets/{target}", { params: { path: { target: name } } }),
  );
  if (target.data) return <Details target={target.data} />;
  return (
    <Page title={name}>
      <Loaded query={target} what="The target" one="target" />
    </Page>
  );
}

type Shown = { kind: "labels" | "token" | "revoke" } | { kind: "enroll"; enrollment: Enrollment };

function Details({ target: { value: target, etag } }: { target: Versioned<Target> }) {
  const { may } = useSession();
  const client = useQueryClient();
  const [shown, setShown] = useState<Shown>();
  const close = () => setShown(undefined);
  const inventory = inventoryOf(target);
  const reread = () => client.invalidateQueries({ queryKey: ["get", "/api/v1/targets/{target}"] });
  return (
    <Page
      title={target.name}
      state={<Status variant="pill" state={machineState(target.state)} />}
      description={
        <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
          {inventory.hostname && <CopyText text={inventory.hostname} />}
          {target.agent_version && <span>agent {target.agent_version}</span>}
          {target.last_seen_at && (
            <span>
              heard <Time value={target.last_seen_at} />
            </span>
          )}
        </span>
      }
      actions={
        may("targets:write") && (
          <ActionMenu
            of={target.name}
            framed
            items={[
              { label: "Labels", icon: Tags, onSelect: () => setShown({ kind: "labels" }) },
              { label: "New enrollment token", icon: KeyRound, onSelect: () => setShown({ kind: "token" }) },
              "separator",
              {
                label: "Revoke",
                icon: Unplug,
                danger: true,
                onSelect: () => setShown({ kind: "revoke" }),
                ...(target.state === "revoked" && { blocked: "Is revoked" }),
              },
            ]}
          />
        )
      }
    >
      <div className="grid gap-4 px-4 pb-6 md:px-6 lg:grid-cols-2 [&>*]:min-w-0">
        {target.state !== "online" && <Advice state={target.state} />}
        <Card aria-label="Machine">
          <CardHead title="Machine" />
          <dl className="grid grid-cols-[8rem_minmax(0,1fr)] gap-y-2 p-4">
            <dt className="text-fg-3">System</dt>
            <dd>{[inventory.os, inventory.architecture].filter(Boolean).join(", ") || "Not known yet"}</dd>
            <dt className="text-fg-3">CPUs</dt>
            <dd className="tnum">{inventory.cpus || "Not known yet"}</dd>
            <dt className="text-fg-3">Memory</dt>
            <dd className="tnum">{inventory.memory_bytes ? bytes(inventory.memory_bytes) : "Not known yet"}</dd>
            <dt className="text-fg-3">Free disk</dt>
            <dd className="tnum">{inventory.disk_free_bytes ? bytes(inventory.disk_free_bytes) : "Not known yet"}</dd>
            <dt className="text-fg-3">GPUs</dt>
            <dd>
              {inventory.gpus.length > 0
                ? inventory.gpus.map((gpu) => `${gpu.model}, ${bytes(gpu.memory_bytes)}`).join("; ")
                : "None"}
            </dd>
            <dt className="text-fg-3">Runs engines as</dt>
            <dd>{inventory.drivers.join(", ") || "Not known yet"}</dd>
            <dt className="text-fg-3">Labels</dt>
            <dd className="flex flex-wrap gap-1">
              {Object.entries(target.labels).map(([key, value]) => (
                <Badge key={key} mono>
                  {key}={value}
                </Badge>
              ))}
              {Object.keys(target.labels).length === 0 && "None"}
            </dd>
          </dl>
        </Card>
        <Card aria-label="Engines" className="self-start">
          <CardHead title="Engines" sub="installed on the machine" />
          {inventory.engines.length === 0 ? (
            <p className="px-4 py-4 text-fg-2">The agent has found none.</p>
          ) : (
            <ul className="py-1">
              {inventory.engines.map((engine) => (
                <li key={engine.id + engine.version} className="flex min-h-9 items-center gap-3 px-4">
                  <span className="font-medium">{engineName(engine.id)}</span>
                  <span className="ml-auto font-mono text-xs text-fg-2">{engine.version}</span>
                </li>
              ))}
            </ul>
          )}
        </Card>
        <Deployments target={target} />
      </div>
      {shown?.kind === "labels" && (
        <LabelsDialog target={{ value: target, etag }} onClose={close} onSaved={() => void reread()} />
      )}
      {shown?.kind === "enroll" && <EnrollDialog enrollment={shown.enrollment} onClose={close} />}
      {shown?.kind === "token" && (
        <Confirm
          onClose={close}
          title="Make a new enrollment token?"
          verb="Make a token"
          keepOpen
          onConfirm={async () => {
            const made = await body(
              api.POST("/api/v1/targets/{target}/enrollment-token", { params: { path: { target: target.id } } }),
            );
            setShown({ kind: "enroll", enrollment: { program: "agent", name: target.name, ...made } });
          }}
        >
          An agent that enrolls with it takes the place of the present one.
        </Confirm>
      )}
      {shown?.kind === "revoke" && (
        <Confirm
          onClose={close}
          title={`Revoke ${target.name}?`}
          verb="Revoke target"
          typed={target.name}
          onConfirm={async () => {
            await api.POST("/api/v1/targets/{target}/revoke", { params: { path: { target: target.id } } });
            await reread();
          }}
        >
          Its agent is refused from now on. Engines that it runs go on until it is stopped, but no gateway routes to
          them.
        </Confirm>
      )}
    </Page>
  );
}

const advice = {
  pending: ["Its agent has not enrolled yet", "Make an enrollment token and start the agent with it on the machine."],
  offline: [
    "Its agent has not been heard for a while",
    "Its engines may run on. See that the agent runs and reaches this server; it then catches up by itself.",
  ],
  revoked: ["Its agent was revoked", "Make a new enrollment token and enroll it again to use the target."],
} as const;

function Advice({ state }: { state: keyof typeof advice }) {
  const [title, text] = advice[state];
  return (
    <Notice state={severity(state === "pending" ? "info" : "warning")} title={title} className="lg:col-span-2">
      {text}
    </Notice>
  );
}

function Deployments({ target }: { target: Target }) {
  const deployments = useList("/api/v1/deployments", {
    query: { filter: eq("target", target.name), order_by: "name" },
  });
  const count = deployments.data?.length ?? 0;
  return (
    <Card aria-label="Deployments" className="lg:col-span-2">
      <CardHead title="Deployments" sub={count > 0 ? plural(count, "deployment") : undefined} />
      <Loaded query={deployments} what="The deployments" lines={2}>
        {(rows) =>
          rows.length === 0 ? (
            <p className="flex items-center gap-2 px-4 py-4 text-fg-2">
              <Rocket aria-hidden className="size-4 text-fg-3" />
              Nothing is deployed here.
            </p>
          ) : (
            <ul className="py-1">
              {rows.map((row) => (
                <li key={row.id} className="flex min-h-9 flex-wrap items-center gap-x-3 px-4">
                  <ObjectLink kind="deployment" name={row.name} className="font-medium [a&]:hover:underline">
                    {row.name}
                  </ObjectLink>
                  <Status state={deploymentState(row.state)} />
                  <span className="ml-auto font-mono text-xs text-fg-2">
                    {row.model}:v{row.version_number}
                  </span>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
      <More paging={deployments} label="Show more" />
    </Card>
  );
}
