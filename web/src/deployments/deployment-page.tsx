import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { Pause, Play, RotateCcw, Scaling, Trash2 } from "lucide-react";
import { type ComponentType, lazy, Suspense, useState } from "react";
import { z } from "zod";
import { api } from "@/api/client";
import { $api } from "@/api/queries";
import { integer } from "@/api/rules";
import { Loaded } from "@/identity/loaded";
import { useSession } from "@/identity/session";
import { Badge } from "@/kit/badge";
import { Button } from "@/kit/button";
import { Confirm } from "@/kit/confirm";
import { FormField, useZodForm } from "@/kit/form";
import { FormDialog } from "@/kit/form-dialog";
import { ActionMenu } from "@/kit/menu";
import { Notice } from "@/kit/notice";
import { NumberField } from "@/kit/number-field";
import { Page } from "@/kit/page";
import { Loading } from "@/kit/states";
import { deploymentState, Status } from "@/kit/status";
import { TabPanel, Tabs } from "@/kit/tabs";
import { failed } from "@/kit/toast";
import { ObjectLink } from "@/shell/object-link";
import { engineName } from "@/targets/queries";
import { EventsTab } from "./events-tab";
import { OverviewTab } from "./overview-tab";
import type { Deployment } from "./queries";
import { ReplicasTab } from "./replicas-tab";

type TabProps = { deployment: Deployment };
const TryTab = lazy(() => import("./try-tab").then((part) => ({ default: part.TryTab })));
const RequestsTab = lazy(() => import("./requests-tab").then((part) => ({ default: part.RequestsTab })));
const LogsTab = lazy(() => import("./logs-tab").then((part) => ({ default: part.LogsTab })));
const RevisionsTab = lazy(() => import("./revisions-tab").then((part) => ({ default: part.RevisionsTab })));
const ConfigurationTab = lazy(() => import("./configuration-tab").then((part) => ({ default: part.ConfigurationTab })));

const tabs: { value: Tab; label: string; content: ComponentType<TabProps> }[] = [
  { value: "overview", label: "Overview", content: OverviewTab },
  { value: "try", label: "Try it", content: TryTab },
  { value: "requests", label: "Requests", content: RequestsTab },
  { value: "replicas", label: "Replicas", content: ReplicasTab },
  { value: "logs", label: "Logs", content: LogsTab },
  { value: "events", label: "Events", content: EventsTab },
  { value: "revisions", label: "Revisions", content: RevisionsTab },
  { value: "configuration", label: "Configuration", content: ConfigurationTab },
];
export const tabNames = [
  "overview",
  "try",
  "requests",
  "replicas",
  "logs",
  "events",
  "revisions",
  "configuration",
] as const;
export type Tab = (typeof tabNames)[number];

export function DeploymentPage() {
  const { deployment: name } = useParams({ from: "/modelops/deployments/$deployment" });
  const deployment = $api.useQuery("get", "/api/v1/deployments/{deployment}", {
    params: { path: { deployment: name } },
  });
  if (deployment.data) return <Details deployment={deployment.data} />;
  return (
    <Page title={name}>
      <Loaded query={deployment} what="The deployment" one="deployment" />
    </Page>
  );
}

function Details({ deployment }: TabProps) {
  const { tab = "overview" } = useSearch({ from: "/modelops/deployments/$deployment" });
  const navigate = useNavigate({ from: "/modelops/deployments/$deployment" });
  const { may } = useSession();
  const client = useQueryClient();
  const [shown, setShown] = useState<"scale" | "restart" | "stop" | "delete">();
  const close = () => setShown(undefined);
  const writes = may("deployments:write") && deployment.state !== "deleting";
  const params = { path: { deployment: deployment.id } };
  const reread = () => client.invalidateQueries({ queryKey: ["get", "/api/v1/deployments/{deployment}"] });
  const stopped = deployment.state === "stopped";
  const start = useMutation({
    mutationFn: () => api.POST("/api/v1/deployments/{deployment}/start", { params }).then(reread),
    onError: (error) => failed(`${deployment.name} was not started`, error),
  });
  return (
    <Page
      title={deployment.name}
      state={<Status variant="pill" state={deploymentState(deployment.state)} />}
      description={
        <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <Badge>{deployment.environment}</Badge>
          <ObjectLink kind="model" name={deployment.model} className="font-mono text-xs [a&]:hover:underline">
            {deployment.model}:v{deployment.version_number}
          </ObjectLink>
          <span>{engineName(deployment.engine)}</span>
          <span>
            on{" "}
            <ObjectLink kind="target" name={deployment.target} className="[a&]:hover:underline">
              {deployment.target}
            </ObjectLink>
          </span>
          <span className="tnum">
            {deployment.replicas_ready} of {deployment.replicas_desired} ready, revision {deployment.revision}
          </span>
        </span>
      }
      actions={
        <>
          {/* One button: who has started it by keyboard stays where they are. */}
          {writes && (
            <Button
              variant={stopped ? "primary" : "secondary"}
              busy={start.isPending}
              onClick={() => (stopped ? start.mutate() : setShown("scale"))}
            >
              {stopped ? <Play aria-hidden className="size-4" /> : <Scaling aria-hidden className="size-4" />}
              {stopped ? "Start" : "Scale"}
            </Button>
          )}
          {writes && !stopped && (
            <Button onClick={() => setShown("restart")}>
              <RotateCcw aria-hidden className="size-4" />
              Restart
            </Button>
          )}
          {(writes || may("deployments:delete")) && (
            <ActionMenu
              of={deployment.name}
              framed
              items={[
                {
                  label: "Stop",
                  icon: Pause,
                  onSelect: () => setShown("stop"),
                  ...(!writes && { blocked: "Needs deployments:write" }),
                  ...(stopped && { blocked: "Is stopped" }),
                },
                "separator",
                {
                  label: "Delete",
                  icon: Trash2,
                  danger: true,
                  onSelect: () => setShown("delete"),
                  ...(!may("deployments:delete") && { blocked: "Needs deployments:delete" }),
                  ...(deployment.state === "deleting" && { blocked: "Is being deleted" }),
                },
              ]}
            />
          )}
        </>
      }
    >
      {deployment.reason && (
        <div className="px-4 pt-1 md:px-6">
          <Notice state={deploymentState(deployment.state)} title={deployment.reason.message} role="status">
            <span className="font-mono">{deployment.reason.code}</span>
          </Notice>
        </div>
      )}
      <Tabs<Tab>
        label={`Parts of ${deployment.name}`}
        value={tab}
        onChange={(next) => void navigate({ search: { tab: next }, replace: true })}
        className="flex min-h-0 flex-1 flex-col px-4 pb-6 md:px-6"
        tabs={tabs.map(({ value, label }) => ({
          value,
          label,
          ...(value === "replicas" && { count: deployment.replicas_desired }),
        }))}
      >
        {tabs.map(({ value, content: Content }) => (
          <TabPanel key={value} value={value} className="flex-1 pt-4">
            <Suspense fallback={<Loading label="It loads" />}>
              <Content deployment={deployment} />
            </Suspense>
          </TabPanel>
        ))}
      </Tabs>
      {shown === "scale" && <Scale deployment={deployment} onClose={close} onSaved={reread} />}
      {shown === "restart" && (
        <Confirm
          onClose={close}
          title={`Restart ${deployment.name}?`}
          verb="Restart"
          onConfirm={() => api.POST("/api/v1/deployments/{deployment}/restart", { params }).then(reread)}
        >
          Its replicas are replaced one by one. With more than one, it answers all the while.
        </Confirm>
      )}
      {shown === "stop" && (
        <Confirm
          onClose={close}
          title={`Stop ${deployment.name}?`}
          verb="Stop"
          danger
          onConfirm={() => api.POST("/api/v1/deployments/{deployment}/stop", { params }).then(reread)}
        >
          Its engines end and calls are refused until it is started again. Its revisions stay.
        </Confirm>
      )}
      {shown === "delete" && (
        <Confirm
          onClose={close}
          title={`Delete ${deployment.name}?`}
          verb="Delete deployment"
          typed={deployment.name}
          onConfirm={async () => {
            await api.DELETE("/api/v1/deployments/{deployment}", { params });
            void navigate({ to: "/modelops/deployments" });
          }}
        >
          Its engines end and its address is gone. The model and its versions stay.
        </Confirm>
      )}
    </Page>
  );
}

const scaled = z.object({ replicas: integer("scale_deployment", "replicas") });

type ScaleProps = { deployment: Deployment; onClose: () => void; onSaved: () => Promise<void> };

function Scale({ deployment, onClose, onSaved }: ScaleProps) {
  const form = useZodForm(scaled, { replicas: deployment.replicas_desired });
  return (
    <FormDialog
      size="sm"
      title={`Scale ${deployment.name}`}
      form={form}
      verb="Scale"
      onClose={onClose}
      send={async (body) => {
        await api.POST("/api/v1/deployments/{deployment}/scale", {
          params: { path: { deployment: deployment.id } },
          body,
        });
        await onSaved();
      }}
    >
      <FormField form={form} name="replicas" label="Replicas" hint="Fewer end after their requests have ended.">
        {(field) => <NumberField min={1} max={64} {...field} onChange={(value) => field.onChange(value ?? 0)} />}
      </FormField>
    </FormDialog>
  );
}
