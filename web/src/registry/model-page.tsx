import { Link, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { GitCommitHorizontal, Pencil, Rocket, Trash2 } from "lucide-react";
import { useState } from "react";
import { useVersioned, type Versioned } from "@/api/changes";
import { api } from "@/api/client";
import { $api } from "@/api/queries";
import { Loaded } from "@/identity/loaded";
import { useMemberNames } from "@/identity/queries";
import { useSession } from "@/identity/session";
import { Badge } from "@/kit/badge";
import { buttonClass } from "@/kit/button";
import { Card, CardHead } from "@/kit/card";
import { CopyText } from "@/kit/copy-text";
import { ActionMenu } from "@/kit/menu";
import { Page } from "@/kit/page";
import { TabPanel, Tabs } from "@/kit/tabs";
import { Time } from "@/kit/time";
import { ActivityTab } from "./activity-tab";
import { AnalysisFacts, AnalysisOf, AnalysisWarnings, TensorPorts } from "./analysis";
import { DeleteModel } from "./delete-model";
import { EditModel } from "./edit-model";
import { FilesTab } from "./files-tab";
import { type Model, visibilities } from "./queries";
import { VersionsTab } from "./versions-tab";

export const tabs = ["overview", "versions", "files", "activity"] as const;
export type Tab = (typeof tabs)[number];

export function ModelPage() {
  const { model: name } = useParams({ from: "/modelops/registry/$model/" });
  const model = useVersioned(["get", "/api/v1/models/{model}", name], () =>
    api.GET("/api/v1/models/{model}", { params: { path: { model: name } } }),
  );
  if (model.data) return <Details model={model.data} />;
  return (
    <Page title={name}>
      <Loaded query={model} what="The model" one="model" />
    </Page>
  );
}

function Details({ model: versioned }: { model: Versioned<Model> }) {
  const model = versioned.value;
  const { tab = "overview", version } = useSearch({ from: "/modelops/registry/$model/" });
  const navigate = useNavigate({ from: "/modelops/registry/$model/" });
  const { may, organization_id } = useSession();
  const [shown, setShown] = useState<"edit" | "delete">();
  const ours = model.org_id === organization_id;
  const writes = ours && may("models:write");
  const has_version = model.latest_version > 0;
  return (
    <Page
      title={model.display_name || model.name}
      state={!ours && <Badge>public, of another organization</Badge>}
      description={
        <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <CopyText text={model.name} />
          <span>{visibilities.find((one) => one.value === model.visibility)?.label}</span>
          <span>
            changed <Time value={model.updated_at} />
          </span>
        </span>
      }
      actions={
        <>
          {writes && (
            <Link
              to="/modelops/registry/$model/create-version"
              params={{ model: model.name }}
              className={buttonClass(has_version ? "secondary" : "primary")}
            >
              <GitCommitHorizontal aria-hidden className="size-4" />
              Create version
            </Link>
          )}
          {has_version && may("deployments:write") && (
            <Link to="/modelops/deployments/create" search={{ model: model.name }} className={buttonClass("primary")}>
              <Rocket aria-hidden className="size-4" />
              Deploy
            </Link>
          )}
          {(writes || (ours && may("models:delete"))) && (
            <ActionMenu
              of={model.name}
              framed
              items={[
                {
                  label: "Edit",
                  icon: Pencil,
                  onSelect: () => setShown("edit"),
                  ...(!writes && { blocked: "Needs models:write" }),
                },
                "separator",
                {
                  label: "Delete",
                  icon: Trash2,
                  danger: true,
                  onSelect: () => setShown("delete"),
                  ...(!may("models:delete") && { blocked: "Needs models:delete" }),
                },
              ]}
            />
          )}
        </>
      }
    >
      <Tabs<Tab>
        label={`Parts of ${model.name}`}
        value={tab}
        onChange={(next) => void navigate({ search: { tab: next }, replace: true })}
        className="px-4 pb-6 md:px-6"
        tabs={[
          { value: "overview", label: "Overview" },
          { value: "versions", label: "Versions", count: model.latest_version },
          { value: "files", label: "Files" },
          { value: "activity", label: "Activity" },
        ]}
      >
        <TabPanel className="pt-4" value="overview">
          <Overview model={model} />
        </TabPanel>
        <TabPanel className="pt-4" value="versions">
          <VersionsTab model={model} writes={writes} />
        </TabPanel>
        <TabPanel className="pt-4" value="files">
          <FilesTab
            model={model}
            version={version}
            onVersion={(next) => void navigate({ search: { tab: "files", version: next }, replace: true })}
          />
        </TabPanel>
        <TabPanel className="pt-4" value="activity">
          <ActivityTab model={model} />
        </TabPanel>
      </Tabs>
      {shown === "edit" && <EditModel model={versioned} onClose={() => setShown(undefined)} />}
      {shown === "delete" && (
        <DeleteModel
          model={model}
          onClose={() => setShown(undefined)}
          onDeleted={() => void navigate({ to: "/modelops/registry" })}
        />
      )}
    </Page>
  );
}

function Overview({ model }: { model: Model }) {
  const nameOf = useMemberNames();
  const analysis = $api.useQuery(
    "get",
    "/api/v1/models/{model}/analysis",
    { params: { path: { model: model.id } } },
    { retry: false },
  );
  return (
    <div className="grid gap-4 lg:grid-cols-[1.4fr_1fr] [&>*]:min-w-0">
      <div className="grid content-start gap-4">
        {analysis.data && analysis.data.warnings.length > 0 && <AnalysisWarnings warnings={analysis.data.warnings} />}
        <Card aria-label="About">
          <CardHead title="About" />
          <div className="grid gap-4 p-4">
            {model.description ? (
              <p className="max-w-prose whitespace-pre-line wrap-anywhere">{model.description}</p>
            ) : (
              <p className="text-fg-3">Nobody has described it yet.</p>
            )}
            <dl className="grid grid-cols-[7rem_minmax(0,1fr)] gap-y-1.5">
              <dt className="text-fg-3">Registered by</dt>
              <dd>
                {nameOf(model.created_by)}, <Time value={model.created_at} />
              </dd>
              <dt className="text-fg-3">Tags</dt>
              <dd className="flex flex-wrap gap-1">
                {Object.entries(model.tags).map(([key, value]) => (
                  <Badge key={key} mono>
                    {value ? `${key}=${value}` : key}
                  </Badge>
                ))}
                {Object.keys(model.tags).length === 0 && "None"}
              </dd>
              <dt className="text-fg-3">Id</dt>
              <dd>
                <CopyText text={model.id} />
              </dd>
            </dl>
          </div>
        </Card>
        <VersionsTab model={model} writes={false} brief />
      </div>
      <Card aria-label="What it is" className="self-start">
        <CardHead title="What it is" sub="read from its files" />
        <div className="grid gap-4 p-4">
          <AnalysisOf query={analysis}>
            {(found) => (
              <>
                <AnalysisFacts analysis={found} full />
                <TensorPorts label="Inputs" ports={found.inputs} />
                <TensorPorts label="Outputs" ports={found.outputs} />
              </>
            )}
          </AnalysisOf>
        </div>
      </Card>
    </div>
  );
}
