import "@/styles.css";
import { CSPProvider } from "@base-ui/react/csp-provider";
import { Tooltip } from "@base-ui/react/tooltip";
import { Boxes, Copy, Ellipsis, Plus, Rocket, ScanSearch, Trash2 } from "lucide-react";
import { StrictMode, useEffect, useMemo, useState } from "react";
import { createRoot } from "react-dom/client";
import { z } from "zod";
import { Badge } from "@/kit/badge";
import { Bars } from "@/kit/bars";
import { Button } from "@/kit/button";
import { Card, CardHead } from "@/kit/card";
import { TimeChart } from "@/kit/chart";
import { Checkbox } from "@/kit/checkbox";
import { ChoiceCards } from "@/kit/choice-cards";
import { CodeView } from "@/kit/code-view";
import { Combobox, type ComboboxOption } from "@/kit/combobox";
import { Confirm } from "@/kit/confirm";
import { Conflict } from "@/kit/conflict";
import { CopyText } from "@/kit/copy-text";
import { type Column, DataTable } from "@/kit/data-table";
import { Dialog } from "@/kit/dialog";
import { DiffView } from "@/kit/diff-view";
import { Field, FieldGroup } from "@/kit/field";
import { type DroppedFile, FileDrop } from "@/kit/file-drop";
import { FilterBar } from "@/kit/filter-bar";
import { FormField, useZodForm } from "@/kit/form";
import { IconButton } from "@/kit/icon-button";
import { Input, Textarea } from "@/kit/input";
import { Kbd } from "@/kit/kbd";
import { type KeyValue, KeyValues } from "@/kit/key-values";
import { LogBuffer } from "@/kit/log-buffer";
import { LogViewer } from "@/kit/log-viewer";
import { Menu } from "@/kit/menu";
import { Notice } from "@/kit/notice";
import { NumberField } from "@/kit/number-field";
import { Page } from "@/kit/page";
import { Progress } from "@/kit/progress";
import { SecretInput } from "@/kit/secret-input";
import { Select } from "@/kit/select";
import { Skeleton, SkeletonText } from "@/kit/skeleton";
import { Spark } from "@/kit/spark";
import { Empty, ErrorState, Loading, NoMatch } from "@/kit/states";
import {
  approvalState,
  auditOutcome,
  type DeploymentState,
  deploymentState,
  machineState,
  operationState,
  replicaState,
  Status,
  severity,
  versionApproval,
} from "@/kit/status";
import { Switch } from "@/kit/switch";
import { TabPanel, Tabs } from "@/kit/tabs";
import { type Tags, TagsInput } from "@/kit/tags-input";
import { Time } from "@/kit/time";
import { ToastProvider, toast } from "@/kit/toast";
import { EvidencePanel, Wizard, WizardReview } from "@/kit/wizard";
import { useFormDraft } from "@/lib/drafts";
import { bytes, count, duration } from "@/lib/format";
import { startTheme } from "@/lib/theme";

// Every component of the kit on one page, to be looked at: `npm run dev`, then /modelops/gallery.html?scene=table.
// It is no part of the build; what it shows is made up here.

type Row = {
  id: string;
  name: string;
  title: string;
  state: DeploymentState;
  requests: number;
  size: number;
  at: number;
};
const states: DeploymentState[] = ["pending", "provisioning", "healthy", "degraded", "failed", "stopped", "deleting"];
const now = Date.now();
const makeRows = (n: number): Row[] =>
  Array.from({ length: n }, (_, i) => ({
    id: `dep_${i}`,
    name: `example-${i}`,
    title: `Example ${i}`,
    state: states[i % states.length]!,
    requests: (i * 7919) % 2400,
    size: (i * 7_919_013) % 12_000_000_000,
    at: now - i * 311_000,
  }));

const columns: Column<Row>[] = [
  {
    id: "name",
    header: "Deployment",
    sort: "name",
    width: "minmax(13rem, 2fr)",
    cell: (row) => (
      <div className="leading-4.5">
        <span className="block truncate font-medium">{row.title}</span>
        <span className="block truncate font-mono text-2xs text-fg-3">{row.name}</span>
      </div>
    ),
  },
  { id: "state", header: "State", card: "aside", cell: (row) => <Status state={deploymentState(row.state)} /> },
  { id: "requests", header: "Requests", align: "end", width: "6rem", cell: (row) => count(row.requests) },
  { id: "size", header: "Size", align: "end", width: "6rem", optional: true, cell: (row) => bytes(row.size) },
  {
    id: "at",
    header: "Updated",
    sort: "updated_at",
    descendingFirst: true,
    width: "6rem",
    cell: (row) => <Time value={row.at} className="tnum text-fg-2" />,
  },
];

function TableScene({ size }: { size: number }) {
  const rows = useMemo(() => makeRows(size), [size]);
  const [query, setQuery] = useState("");
  const [chosen, setChosen] = useState<string[]>([]);
  const [orderBy, setOrderBy] = useState("updated_at desc");
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [opened, setOpened] = useState("");
  const shown = rows.filter((row) => row.name.includes(query) && (!chosen.length || chosen.includes(row.state)));
  const clear = () => {
    setQuery("");
    setChosen([]);
  };
  return (
    <Page
      full
      title="Deployments"
      description={opened ? `Opened ${opened}` : "Every row is made up"}
      actions={
        <>
          <Button>Compare</Button>
          <Button variant="primary">
            <Plus aria-hidden className="size-4" />
            Create deployment
          </Button>
        </>
      }
    >
      <FilterBar
        label="Filter deployments"
        placeholder="Filter by name"
        query={query}
        onQuery={setQuery}
        result={`${count(shown.length)} of ${count(rows.length)} deployments`}
        onClear={clear}
        facets={[
          {
            label: "State",
            selected: chosen,
            onChange: setChosen,
            options: states.map((state) => ({
              value: state,
              label: <Status state={deploymentState(state)} />,
              count: rows.filter((row) => row.state === state).length,
            })),
          },
        ]}
      />
      <DataTable
        label="Deployments"
        columns={columns}
        rows={shown}
        rowId={(row) => row.id}
        rowName={(row) => row.name}
        orderBy={orderBy}
        onOrderBy={setOrderBy}
        onOpen={(row) => setOpened(row.name)}
        selection={{ selected, onChange: setSelected }}
        resetKey={query + chosen.join()}
        empty={<NoMatch what="deployment" onClear={clear} />}
      />
    </Page>
  );
}

function LoadingTable() {
  return (
    <Page full title="Loading">
      <DataTable label="Loading" columns={columns} rows={undefined} rowId={(row) => row.id} empty={null} />
    </Page>
  );
}

const visibilities = [
  { value: "private", label: "Private", hint: "Only you" },
  { value: "team", label: "Team", hint: "Everyone in your team", badge: "Recommended" },
  { value: "organization", label: "Organization", hint: "Everyone here", icon: Boxes },
  { value: "public", label: "Public", blocked: "Your organization does not publish models." },
] as const;

function ControlsScene() {
  const [engine, setEngine] = useState<string | null>(null);
  const [visibility, setVisibility] = useState<string>("team");
  const [tick, setTick] = useState(true);
  const [tab, setTab] = useState("overview");
  const [dialog, setDialog] = useState(false);
  const [confirm, setConfirm] = useState(false);
  const [files, setFiles] = useState<DroppedFile[]>([
    { path: "model.onnx", file: new File(["x".repeat(300_000)], "model.onnx") },
    { path: "tokenizer/tokenizer.json", file: new File(["{}"], "tokenizer.json") },
  ]);
  return (
    <Page
      title="Controls"
      state={<Status variant="pill" state={deploymentState("provisioning")} />}
      description={
        <span className="flex flex-wrap items-center gap-3">
          <Badge>production</Badge>
          <span>Example, version 4</span>
          <CopyText text="http://127.0.0.1:18088/v1" />
        </span>
      }
      actions={
        <>
          <Button onClick={() => setDialog(true)}>Open dialog</Button>
          <Button variant="danger" onClick={() => setConfirm(true)}>
            <Trash2 aria-hidden className="size-4" />
            Delete
          </Button>
          <Menu
            trigger={
              <Button size="icon" aria-label="More actions">
                <Ellipsis aria-hidden className="size-4" />
              </Button>
            }
            items={[
              { label: "Copy", icon: Copy, onSelect: () => {} },
              { label: "Roll back", onSelect: () => {}, blocked: "There is one revision only" },
              "separator",
              { label: "Delete", icon: Trash2, danger: true, onSelect: () => {} },
            ]}
          />
        </>
      }
      tabs={
        <Tabs
          label="Sections"
          value={tab}
          onChange={setTab}
          tabs={[
            { value: "overview", label: "Overview" },
            { value: "replicas", label: "Replicas", count: 4 },
            { value: "events", label: "Events" },
          ]}
        >
          <TabPanel value={tab} className="pt-3 text-fg-2">
            Panel {tab}
          </TabPanel>
        </Tabs>
      }
    >
      <div className="grid gap-4 p-4 md:grid-cols-2 md:px-6">
        <Card>
          <CardHead title="Fields" sub="all kinds">
            <Kbd keys="mod+k" />
            <Kbd keys="g d" />
          </CardHead>
          <div className="grid gap-4 p-4">
            <Field label="Name" hint="Used in addresses. It cannot change later.">
              <Input mono defaultValue="resnet-50" />
            </Field>
            <Field label="Display name" error="Give the model a readable name.">
              <Input placeholder="ResNet 50" />
            </Field>
            <Field label="Description" optional>
              <Textarea />
            </Field>
            <Field label="Engine" button hint="What serves the model">
              <Select
                value={engine}
                onChange={setEngine}
                options={[
                  { value: "onnx", label: "ONNX Runtime", hint: "CPU" },
                  { value: "llama", label: "llama.cpp" },
                  { value: "vllm", label: "vLLM", blocked: "Needs a GPU" },
                ]}
              />
            </Field>
            <Select
              label="Order"
              prefix="Order by"
              value="name"
              onChange={() => {}}
              options={[{ value: "name", label: "Name" }]}
            />
            <FieldGroup label="Visibility">
              <ChoiceCards columns={2} options={visibilities} value={visibility} onChange={setVisibility} />
            </FieldGroup>
            <Checkbox label="Enable the cache" hint="Same input, same answer" checked={tick} onChange={setTick} />
            <Checkbox label="Some of them" mixed checked={false} onChange={() => {}} />
          </div>
        </Card>
        <div className="grid min-w-0 content-start gap-4">
          <Card>
            <CardHead title="Buttons" />
            <div className="flex flex-wrap gap-2 p-4">
              <Button variant="primary">Primary</Button>
              <Button>Secondary</Button>
              <Button variant="ghost">Ghost</Button>
              <Button variant="danger">Danger</Button>
              <Button disabled>Disabled</Button>
              <Button busy variant="primary">
                Busy
              </Button>
              <Button size="sm">Small</Button>
              <IconButton label="Deploy">
                <Rocket aria-hidden className="size-4" />
              </IconButton>
            </div>
          </Card>
          <Card>
            <CardHead title="Running now" />
            <div className="grid gap-4 p-4">
              <Progress label="resnet-50 to production" value={0.62} note="4 min left" detail="Layer 7 of 11" />
              <Progress label="Analysis" value={null} detail="Reading the weights" />
              <Progress label="Upload" value={1} tone="ok" />
            </div>
          </Card>
          <Card>
            <CardHead title="Files" />
            <div className="p-4">
              <FileDrop
                label="Model files"
                hint="ONNX, GGUF or a folder from Hugging Face"
                files={files}
                onChange={setFiles}
                progress={{
                  "model.onnx": { state: "running", value: 0.4 },
                  "tokenizer/tokenizer.json": { state: "done" },
                }}
              />
            </div>
          </Card>
          <Card>
            <CardHead title="Notices" />
            <div className="grid gap-3 p-4">
              <Notice state={severity("warning")} title="The file holds pickled code">
                Loading it runs that code. Prefer safetensors.
              </Notice>
              <Notice state={severity("danger")} title="Unknown operator" />
              <Notice state={severity("info")} title="The license is not stated" />
            </div>
          </Card>
        </div>
      </div>
      <Dialog
        open={dialog}
        onClose={() => setDialog(false)}
        title="Scale example"
        description="Changes how many replicas run."
        footer={
          <>
            <Button onClick={() => setDialog(false)}>Cancel</Button>
            <Button variant="primary" onClick={() => setDialog(false)}>
              Scale
            </Button>
          </>
        }
      >
        <Field label="Replicas">
          <Input defaultValue="2" />
        </Field>
      </Dialog>
      {confirm && (
        <Confirm
          onClose={() => setConfirm(false)}
          title="Delete resnet-50?"
          verb="Delete model"
          typed="resnet-50"
          onConfirm={() => Promise.reject({ title: "Conflict", detail: "Delete its deployments first." })}
        >
          Its 3 versions and their files are gone for good.
        </Confirm>
      )}
    </Page>
  );
}

function StatesScene() {
  const all = [
    ["Deployments", states.map(deploymentState)],
    [
      "Replicas",
      (["pending", "fetching", "starting", "ready", "unhealthy", "stopping", "stopped", "failed"] as const).map(
        replicaState,
      ),
    ],
    ["Versions", (["none", "pending", "approved", "rejected"] as const).map(versionApproval)],
    ["Approvals", (["pending", "approved", "rejected", "voided"] as const).map(approvalState)],
    ["Operations", (["pending", "running", "succeeded", "failed", "cancelled"] as const).map(operationState)],
    ["Machines", (["pending", "online", "offline", "revoked"] as const).map(machineState)],
    ["Warnings", (["info", "warning", "danger"] as const).map(severity)],
    ["Audit", (["succeeded", "denied"] as const).map(auditOutcome)],
  ] as const;
  return (
    <Page title="States">
      <div className="grid gap-4 p-4 md:grid-cols-2 md:px-6">
        {all.map(([title, list]) => (
          <Card key={title}>
            <CardHead title={title} />
            <ul className="flex flex-wrap gap-x-4 gap-y-2 p-4">
              {list.map((state) => (
                <li key={state.label} className="grid justify-items-start gap-1">
                  <Status state={state} />
                  <Status state={state} variant="pill" />
                </li>
              ))}
            </ul>
          </Card>
        ))}
        <Card>
          <Empty icon={Boxes} title="No models yet" action={<Button variant="primary">Register model</Button>}>
            Models that you register appear here with their versions and approvals.
          </Empty>
        </Card>
        <Card>
          <NoMatch what="model" onClear={() => {}} />
        </Card>
        <Card>
          <ErrorState
            title="The models could not be loaded"
            error={{
              title: "Internal error",
              status: 500,
              detail: "The database is locked.",
              request_id: "req_0193f0a2",
            }}
            onRetry={() => {}}
          />
        </Card>
        <Card>
          <ErrorState
            error={{ title: "Forbidden", status: 403, detail: "This needs the permission models:write. Ask." }}
            rolesWith={() => ["Administrator", "Developer"]}
          />
        </Card>
        <Card>
          <ErrorState what="model" error={{ title: "Not found", status: 404 }} />
        </Card>
        <Card>
          <ErrorState error={{ title: "Unreachable", status: 0 }} onRetry={() => {}} />
        </Card>
        <Card>
          <Loading />
          <div className="grid gap-2 p-4">
            <Skeleton className="h-8 w-40" />
            <SkeletonText />
          </div>
        </Card>
      </div>
    </Page>
  );
}

const schema = z.object({
  uri: z.string().trim().min(1, "Enter where the model comes from."),
  name: z.string().regex(/^[a-z0-9-]{3,63}$/, "Use 3 to 63 lowercase letters, digits or hyphens."),
  description: z.string(),
  visibility: z.enum(["private", "team", "organization", "public"]),
});

function WizardScene() {
  const [step, setStep] = useState(new URLSearchParams(location.search).get("step") ?? "source");
  const form = useZodForm(schema, { uri: "", name: "", description: "", visibility: "team" as const });
  const draft = useFormDraft(form, { user: "usr_1", name: "gallery", version: 1 });
  const values = form.watch();
  return (
    <Page title="Register model" description="Creates a governed registry record. Nothing is built or deployed yet.">
      <Wizard
        label="Registration steps"
        form={form}
        schema={schema}
        draft={draft}
        step={step}
        onStep={setStep}
        verb="Register model"
        onSubmit={async () => {
          throw { title: "The name is taken.", status: 409, violations: [{ pointer: "/name", message: "Taken." }] };
        }}
        progress={{ label: "Registering", value: 0.4 }}
        aside={
          <EvidencePanel title="Source analysis" note="1.4 s">
            <p className="text-fg-2">
              Framework, size and risks appear here before you commit to anything.{" "}
              <ScanSearch className="inline size-4" />
            </p>
          </EvidencePanel>
        }
        steps={[
          {
            id: "source",
            label: "Source",
            heading: "Where does the model come from?",
            summary: values.uri || "Where the model comes from",
            fields: ["uri"],
            content: (
              <FormField form={form} name="uri" label="Model" hint="Only metadata is read.">
                {(field) => <Input mono {...field} />}
              </FormField>
            ),
          },
          {
            id: "identity",
            label: "Identity",
            heading: "How will people find it?",
            summary: values.name || "Name and visibility",
            fields: ["name", "description", "visibility"],
            content: (
              <>
                <FormField form={form} name="name" label="Name" hint="It cannot change later.">
                  {(field) => <Input mono {...field} />}
                </FormField>
                <FormField form={form} name="description" label="Description" optional>
                  {(field) => <Textarea {...field} />}
                </FormField>
                <FormField form={form} name="visibility" label="Visibility" kind="group">
                  {(field) => <ChoiceCards columns={2} options={visibilities} {...field} />}
                </FormField>
              </>
            ),
          },
          {
            id: "review",
            label: "Review",
            heading: "Review and register",
            summary: "Confirm and register",
            content: (
              <WizardReview
                sections={[
                  { step: "source", rows: [["Model", <code key="uri">{values.uri}</code>]] },
                  {
                    step: "identity",
                    rows: [
                      ["Name", values.name],
                      ["Description", values.description || null],
                      ["Visibility", values.visibility],
                    ],
                  },
                ]}
              />
            ),
          },
        ]}
      />
    </Page>
  );
}

function FormsScene() {
  const [replicas, setReplicas] = useState<number | null>(2);
  const [share, setShare] = useState<number | null>(null);
  const [on, setOn] = useState(true);
  const [tags, setTags] = useState<Tags>({ team: "vision", gpu: "" });
  const [variables, setVariables] = useState<KeyValue[]>([
    { key: "LOG_LEVEL", value: "info" },
    { key: "LOG_LEVEL", value: "debug" },
  ]);
  const [model, setModel] = useState<ComboboxOption | null>(null);
  const [conflict, setConflict] = useState(true);
  return (
    <Page
      title="More controls"
      actions={
        <>
          <Button onClick={() => toast({ title: "Model registered", action: { label: "Open", onClick: () => {} } })}>
            Toast
          </Button>
          <Button
            onClick={() =>
              toast({ outcome: "failed", title: "The deployment was not stopped", detail: "The target is offline." })
            }
          >
            Failure
          </Button>
        </>
      }
    >
      <div className="grid gap-4 p-4 *:min-w-0 md:grid-cols-2 md:px-6">
        <Card>
          <div className="grid gap-4 p-4">
            <Field label="Model" hint="Type to search">
              <Combobox
                value={model}
                onChange={setModel}
                options={[
                  { value: "a", label: "resnet-50", detail: "Vision", hint: "ONNX" },
                  { value: "b", label: "bert-base", detail: "Language" },
                  { value: "c", label: "llama-3", blocked: "Not approved" },
                ]}
              />
            </Field>
            <Field label="Replicas">
              <NumberField value={replicas} onChange={setReplicas} min={0} max={8} />
            </Field>
            <Field label="Timeout" error="Give it a number.">
              <NumberField value={share} onChange={setShare} unit="seconds" />
            </Field>
            <Switch label="Cache" hint="Same input, same answer" checked={on} onChange={setOn} />
            <Switch label="Off" checked={false} onChange={() => {}} />
            <Field label="Tags">
              <TagsInput value={tags} onChange={setTags} />
            </Field>
            <Field label="Access token">
              <SecretInput stored />
            </Field>
            <FieldGroup label="Environment variables">
              <KeyValues value={variables} onChange={setVariables} />
            </FieldGroup>
          </div>
        </Card>
        {conflict && (
          <Card className="p-4">
            <Conflict
              onCancel={() => setConflict(false)}
              onResolve={() => setConflict(false)}
              fields={[
                {
                  name: "description",
                  label: "Description",
                  mine: "Finds digits.",
                  theirs: "Reads handwritten digits.",
                },
                { name: "owner", label: "Owner", mine: "vision", theirs: null },
              ]}
            />
          </Card>
        )}
      </div>
    </Page>
  );
}

const times = Array.from({ length: 300 }, (_, i) => Math.floor(now / 1000) - 3000 + i * 10 + (i > 200 ? 300 : 0));
const wave = (height: number, phase: number) =>
  times.map((_, i) => Math.max(0, height * (1 + 0.4 * Math.sin(i / 20 + phase)) + (i % 7) * height * 0.02));
const latency = [
  { label: "p95", values: wave(0.4, 0) },
  { label: "p50", values: wave(0.2, 1) },
  { label: "First token", values: wave(0.1, 2), dashed: true },
];

function ChartsScene() {
  return (
    <Page title="Charts">
      <div className="grid gap-4 p-4 *:min-w-0 md:grid-cols-2 md:px-6">
        <TimeChart
          title="Latency"
          times={times}
          series={latency}
          format={(value) => duration(value * 1000)}
          threshold={{ value: 0.5, label: "SLO 500 ms" }}
          maxGap={60}
          syncKey="gallery"
        />
        <TimeChart
          title="Throughput"
          sub="requests/s"
          kind="area"
          times={times}
          series={[{ label: "requests/s", values: wave(110, 0) }]}
          format={(value) => count(value)}
          syncKey="gallery"
          maxGap={60}
        />
        <TimeChart
          title="Requests by answer"
          kind="stacked"
          times={times}
          series={[
            { label: "2xx", values: wave(100, 0), color: "--c2" },
            { label: "4xx", values: wave(12, 1), color: "--c3" },
            { label: "5xx", values: wave(6, 2), color: "--c5" },
          ]}
          format={(value) => count(value)}
          syncKey="gallery"
        />
        <TimeChart title="Nothing yet" times={[]} series={[{ label: "errors", values: [] }]} />
        <Card className="grid gap-4 p-4">
          <Bars
            label="Probabilities"
            bars={Array.from({ length: 10 }, (_, digit) => ({
              label: String(digit),
              value: digit === 7 ? 0.91 : 0.01,
            }))}
          />
          <span className="flex items-center gap-3">
            121/s <Spark values={wave(100, 0).slice(0, 20)} />
            <Spark values={[1, 4, null, 5, 3, 2]} color="--warn" />
            <Spark values={[]} />
          </span>
        </Card>
      </div>
    </Page>
  );
}

const logTexts = [
  "INFO 200 POST /v1/chat/completions prompt_tokens=512 completion_tokens=612",
  "DEBUG scheduler step batch=213 decode=692",
  "loaded the model in 3.2 s",
  "WARN queue is long: 48 requests wait",
  "ERROR CUDA out of memory. Tried to allocate 2.00 GiB",
];
function LogsScene() {
  const [buffer] = useState(() => {
    const made = new LogBuffer();
    const size = Number(new URLSearchParams(location.search).get("lines") ?? 100_000);
    made.append(
      Array.from({ length: size }, (_, i) => ({
        time: now - (size - i) * 36,
        source: `rep_${i % 3}`,
        text: `${logTexts[i % 97 === 0 ? 4 : i % 41 === 0 ? 3 : i % 3]} request=${i}`,
      })),
    );
    return made;
  });
  useEffect(() => {
    let n = 0;
    const timer = setInterval(() => {
      buffer.append(
        Array.from({ length: 5 }, () => ({
          time: Date.now(),
          source: `rep_${n % 3}`,
          text: `${logTexts[n++ % 5]} live`,
        })),
      );
    }, 500);
    return () => clearInterval(timer);
  }, [buffer]);
  return (
    <Page full title="Deployment log">
      <LogViewer
        label="Deployment log"
        sourceName="Replica"
        buffer={buffer}
        live
        empty={<Empty title="No line yet" />}
      />
    </Page>
  );
}

const yamlBefore = Array.from({ length: 40 }, (_, i) => `key${i}: ${i}`).join("\n");
const yamlAfter = yamlBefore.replace("key5: 5", "key5: five\nextra: true").replace("key30: 30\n", "");
function CodeScene() {
  return (
    <Page title="Code">
      <div className="grid gap-4 p-4 *:min-w-0 md:px-6">
        <DiffView
          label="Revision 3 to 4"
          before={yamlBefore}
          after={yamlAfter}
          beforeName="Revision 3"
          afterName="Revision 4"
        />
        <CodeView
          label="Configuration"
          language="yaml"
          fileName="deployment.yaml"
          value={`# a comment\nengine: onnx\nreplicas: 2\nlimits:\n  memory: "2 GiB"\n  warm: true\n${yamlBefore}\n`}
        />
        <CodeView
          label="Answer"
          language="json"
          value={JSON.stringify({ outputs: [{ name: "y", data: [0.1, null, true] }] }, null, 2)}
        />
      </div>
    </Page>
  );
}

const scenes = {
  controls: <ControlsScene />,
  states: <StatesScene />,
  table: <TableScene size={100_000} />,
  loading: <LoadingTable />,
  wizard: <WizardScene />,
  forms: <FormsScene />,
  charts: <ChartsScene />,
  logs: <LogsScene />,
  code: <CodeScene />,
};

function Gallery() {
  const scene = new URLSearchParams(location.search).get("scene") ?? "controls";
  return (
    <div className="flex h-full flex-col">
      <nav aria-label="Scenes" className="flex flex-wrap gap-4 border-b border-line px-6 py-2">
        {Object.keys(scenes).map((name) => (
          <a key={name} href={`?scene=${name}`} className="text-fg-2 underline">
            {name}
          </a>
        ))}
      </nav>
      <main className="min-h-0 flex-1 overflow-auto">{scenes[scene as keyof typeof scenes]}</main>
    </div>
  );
}

startTheme();
createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <CSPProvider disableStyleElements>
      <Tooltip.Provider delay={350}>
        <ToastProvider>
          <Gallery />
        </ToastProvider>
      </Tooltip.Provider>
    </CSPProvider>
  </StrictMode>,
);
