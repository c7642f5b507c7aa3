import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { z } from "zod";
import { useIdempotencyKey } from "@/api/changes";
import { api, body } from "@/api/client";
import { contains, or } from "@/api/filter";
import { $api } from "@/api/queries";
import { integer, text } from "@/api/rules";
import { Loaded } from "@/identity/loaded";
import { Needs } from "@/identity/needs";
import { useSession } from "@/identity/session";
import { Badge } from "@/kit/badge";
import { ChoiceCards } from "@/kit/choice-cards";
import { Combobox, type ComboboxOption } from "@/kit/combobox";
import { FormField, useZodForm } from "@/kit/form";
import { Input } from "@/kit/input";
import { type KeyValue, KeyValues } from "@/kit/key-values";
import { Notice } from "@/kit/notice";
import { NumberField } from "@/kit/number-field";
import { Page } from "@/kit/page";
import { machineState, Status, severity, versionApproval } from "@/kit/status";
import { EvidencePanel, Wizard, WizardReview, type WizardStep } from "@/kit/wizard";
import { useFormDraft } from "@/lib/drafts";
import { bytes, plural } from "@/lib/format";
import { AnalysisFacts, AnalysisOf, AnalysisWarnings } from "@/registry/analysis";
import { useEngines } from "@/registry/queries";
import { engineName, inventoryOf } from "@/targets/queries";
import { FlagFields } from "./flag-fields";
import { flagsOf } from "./flags";

const mebibyte = 1024 * 1024;

const schema = z.object({
  model: z.string().min(1, "Choose a model."),
  version: z.string().min(1, "Choose a version."),
  name: text("create_deployment", "name", { required: "Give it a name." }),
  target: z.string().min(1, "Choose a target."),
  environment: z.string().min(1, "Choose an environment."),
  replicas: integer("create_deployment", "replicas"),
  engine: z.string().min(1, "Choose an engine."),
  flags: z.record(z.string(), z.string()),
  cpus: z.number().min(0.01, "At least 0.01.").max(1024, "At most 1024.").nullable(),
  memory_mib: z.number().int("Write a whole number.").min(1, "At least 1 MiB.").nullable(),
  variables: z
    .array(
      z.object({
        key: z
          .string()
          .regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, "Letters, digits and _, not beginning with a digit.")
          .refine((name) => !/^(LD_|DYLD_|PATH$|PYTHONPATH$|GCONV_PATH$)/.test(name), "This name is not allowed."),
        value: z.string().max(4096, "At most 4,096 characters."),
      }),
    )
    .refine((rows) => new Set(rows.map((row) => row.key)).size === rows.length, "A variable is given twice."),
  timeout_s: z.number().min(0.1, "At least 0.1 seconds.").max(3600, "At most an hour."),
  concurrency_max: integer("create_deployment", "limits/concurrency_max"),
});
type Values = z.infer<typeof schema>;

const steps = ["model", "target", "engine", "review"] as const;
type Step = (typeof steps)[number];

export const CreateDeploymentPage = () => (
  <Needs permission="deployments:write" title="Create deployment">
    <CreateDeployment />
  </Needs>
);

/** From a version to a running endpoint, in four steps. */
function CreateDeployment() {
  const search = useSearch({ from: "/modelops/deployments/create" });
  const navigate = useNavigate({ from: "/modelops/deployments/create" });
  const { actor_id } = useSession();
  const form = useZodForm<Values>(schema, {
    model: search.model ?? "",
    version: search.version === undefined ? "" : String(search.version),
    name: search.model ?? "",
    target: "",
    environment: "development",
    replicas: 1,
    engine: "",
    flags: {},
    cpus: null,
    memory_mib: null,
    variables: [],
    timeout_s: 300,
    concurrency_max: 64,
  });
  // A link that names a model begins anew; a draft is of what was begun by hand.
  const draft = useFormDraft(form, {
    user: actor_id,
    name: search.model ? `create-deployment:${search.model}` : "create-deployment",
    version: 1,
  });
  const values = form.watch();
  const key = useIdempotencyKey();
  const model = $api.useQuery(
    "get",
    "/api/v1/models/{model}",
    { params: { path: { model: values.model } } },
    { enabled: values.model !== "" },
  );
  const versions = $api.useQuery(
    "get",
    "/api/v1/models/{model}/versions",
    { params: { path: { model: values.model }, query: { page_size: 100 } } },
    { enabled: values.model !== "" },
  );
  const version = versions.data?.items.find((one) => String(one.version) === values.version);
  const analysis = $api.useQuery(
    "get",
    "/api/v1/models/{model}/versions/{version}/analysis",
    { params: { path: { model: values.model, version: Number(values.version) } } },
    { enabled: version !== undefined, retry: false },
  );
  const targets = $api.useQuery("get", "/api/v1/targets", { params: { query: { page_size: 200 } } });
  const environments = $api.useQuery("get", "/api/v1/environments");
  const engines = useEngines();
  const target = targets.data?.items.find((one) => one.name === values.target);
  const engine = engines.data?.items.find((one) => one.id === values.engine);
  const set = (name: keyof Values, value: string | number) => form.setValue(name, value, { shouldDirty: true });

  // What is known is offered where nothing was chosen: the best version, the only target, the model's engine.
  useEffect(() => {
    const rows = versions.data?.items ?? [];
    if (rows.length === 0 || rows.some((one) => String(one.version) === form.getValues("version"))) return;
    const best = rows.find((one) => one.approval_state === "approved") ?? rows[0]!;
    form.setValue("version", String(best.version), { shouldDirty: true });
  }, [versions.data, form]);
  useEffect(() => {
    const online = targets.data?.items.filter((one) => one.state === "online") ?? [];
    if (form.getValues("target") === "" && online.length === 1)
      form.setValue("target", online[0]!.name, { shouldDirty: true });
  }, [targets.data, form]);
  useEffect(() => {
    if (form.getValues("engine") === "" && model.data?.engine)
      form.setValue("engine", model.data.engine, { shouldDirty: true });
  }, [model.data, form]);

  const installed = target ? inventoryOf(target).engines.map((one) => one.id) : [];
  const suits = analysis.data && [analysis.data.recommended_engine, ...analysis.data.alternative_engines];
  const blockedEngine = (id: string) =>
    suits && !suits.includes(id)
      ? "Does not read this version's files"
      : installed.length > 0 && !installed.includes(id)
        ? `Not installed on ${values.target}`
        : undefined;

  const submit = async (sent: Values) => {
    const request = {
      name: sent.name,
      model: `${sent.model}:v${sent.version}`,
      target: sent.target,
      environment: sent.environment,
      replicas: sent.replicas,
      engine: sent.engine,
      flags: flagsOf(engine?.flags ?? [], sent.flags),
      resources: {
        ...(sent.cpus !== null && { cpus: sent.cpus }),
        ...(sent.memory_mib !== null && { memory_bytes: sent.memory_mib * mebibyte }),
      },
      environment_variables: sent.variables.map((row) => ({
        type: "literal" as const,
        name: row.key,
        value: row.value,
      })),
      limits: { timeout_ms: Math.round(sent.timeout_s * 1000), concurrency_max: sent.concurrency_max },
    };
    await body(api.POST("/api/v1/deployments-wizard", { body: request, headers: { "Idempotency-Key": key(request) } }));
    draft.finish();
    void navigate({ to: "/modelops/deployments/$deployment", params: { deployment: sent.name } });
  };

  const content: Record<Step, Omit<WizardStep<Values>, "id">> = {
    model: {
      label: "Model",
      heading: "What is deployed?",
      summary: values.model && values.version ? `${values.model}:v${values.version}` : "A version of a model",
      fields: ["model", "version", "name"],
      content: (
        <>
          <FormField form={form} name="model" label="Model">
            {(field) => (
              <ModelChoice
                value={field.value}
                onChange={(chosen) => {
                  const before = form.getValues();
                  field.onChange(chosen);
                  set("version", "");
                  set("engine", "");
                  form.setValue("flags", {});
                  if (before.name === "" || before.name === before.model) set("name", chosen);
                }}
              />
            )}
          </FormField>
          {versions.data?.items.length === 0 ? (
            <Notice state={severity("warning")} title="This model has no version yet">
              Create one on the model's page first.
            </Notice>
          ) : (
            values.model !== "" && (
              <FormField
                form={form}
                name="version"
                label="Version"
                kind="group"
                hint="The deployment keeps this version, whatever its aliases do later."
              >
                {(field) => (
                  <ChoiceCards
                    options={(versions.data?.items ?? []).slice(0, 6).map((one) => ({
                      value: String(one.version),
                      label: `v${one.version}`,
                      hint: (
                        <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
                          <Status state={versionApproval(one.approval_state)} />
                          {one.aliases.map((alias) => (
                            <Badge key={alias}>{alias}</Badge>
                          ))}
                          {one.description}
                        </span>
                      ),
                    }))}
                    {...field}
                  />
                )}
              </FormField>
            )
          )}
          {values.model !== "" && <Loaded query={versions} what="The versions" one="model" />}
          <FormField
            form={form}
            name="name"
            label="Name of the deployment"
            hint="Part of its address. It cannot change later."
          >
            {(field) => <Input mono {...field} />}
          </FormField>
        </>
      ),
    },
    target: {
      label: "Target",
      heading: "Where does it run?",
      summary: values.target ? `${values.target}, ${values.environment}` : "Machine, environment, replicas",
      fields: ["target", "environment", "replicas"],
      content: (
        <>
          <FormField form={form} name="target" label="Target" kind="group">
            {(field) => (
              <ChoiceCards
                options={(targets.data?.items ?? []).map((one) => ({
                  value: one.name,
                  label: one.name,
                  hint: (
                    <span className="flex flex-wrap items-center gap-x-3">
                      <Status state={machineState(one.state)} />
                      {inventoryOf(one).cpus > 0 && (
                        <span>
                          {plural(inventoryOf(one).cpus, "CPU")}, {bytes(inventoryOf(one).memory_bytes)}
                        </span>
                      )}
                    </span>
                  ),
                  blocked: one.state === "revoked" ? "Its agent was revoked" : undefined,
                }))}
                {...field}
              />
            )}
          </FormField>
          <Loaded query={targets} what="The targets" />
          {targets.data?.items.length === 0 && (
            <Notice state={severity("warning")} title="There is no target yet">
              Add a machine with an agent among the targets first.
            </Notice>
          )}
          <FormField form={form} name="environment" label="Environment" kind="group">
            {(field) => (
              <ChoiceCards
                columns={3}
                options={(environments.data?.items ?? []).map((one) => ({
                  value: one.name,
                  label: one.name,
                  hint: one.production ? "People depend on it" : one.description || undefined,
                }))}
                {...field}
              />
            )}
          </FormField>
          <Loaded query={environments} what="The environments" />
          <FormField
            form={form}
            name="replicas"
            label="Replicas"
            hint="With two or more it answers while one is replaced."
          >
            {(field) => <NumberField min={1} max={64} {...field} onChange={(value) => field.onChange(value ?? 0)} />}
          </FormField>
        </>
      ),
    },
    engine: {
      label: "Engine",
      heading: "How is it served?",
      summary: values.engine ? engineName(values.engine) : "Engine, flags and limits",
      fields: ["engine", "flags", "cpus", "memory_mib", "variables", "timeout_s", "concurrency_max"],
      content: (
        <>
          <FormField form={form} name="engine" label="Engine" kind="group">
            {(field) => (
              <ChoiceCards
                columns={2}
                options={(engines.data?.items ?? []).map((one) => ({
                  value: one.id,
                  label: engineName(one.id),
                  hint: one.description,
                  badge: one.id === analysis.data?.recommended_engine ? "Recommended" : undefined,
                  blocked: blockedEngine(one.id),
                }))}
                {...field}
                onChange={(chosen) => {
                  field.onChange(chosen);
                  form.setValue("flags", {});
                }}
              />
            )}
          </FormField>
          <Loaded query={engines} what="The engines" />
          {engine && engine.flags.length > 0 && (
            <FormField form={form} name="flags" label="Flags of the engine" optional kind="group">
              {(field) => <FlagFields flags={engine.flags} value={field.value} onChange={field.onChange} />}
            </FormField>
          )}
          <div className="grid gap-4 sm:grid-cols-2">
            <FormField form={form} name="cpus" label="CPUs at most" optional hint="Per replica.">
              {(field) => <NumberField min={0.01} max={1024} step={0.5} {...field} />}
            </FormField>
            <FormField form={form} name="memory_mib" label="Memory at most" optional hint="Per replica.">
              {(field) => <NumberField min={1} step={256} unit="MiB" {...field} />}
            </FormField>
            <FormField form={form} name="timeout_s" label="Time-out of a request">
              {(field) => (
                <NumberField
                  min={0.1}
                  max={3600}
                  unit="seconds"
                  {...field}
                  onChange={(value) => field.onChange(value ?? 0)}
                />
              )}
            </FormField>
            <FormField form={form} name="concurrency_max" label="Requests at once" hint="Per replica; more wait.">
              {(field) => (
                <NumberField min={1} max={100_000} {...field} onChange={(value) => field.onChange(value ?? 0)} />
              )}
            </FormField>
          </div>
          <FormField form={form} name="variables" label="Environment variables" optional kind="group">
            {(field) => <KeyValues value={field.value as KeyValue[]} onChange={field.onChange} onBlur={field.onBlur} />}
          </FormField>
        </>
      ),
    },
    review: {
      label: "Review",
      heading: "Review and deploy",
      summary: "Confirm and deploy",
      content: (
        <WizardReview
          sections={[
            {
              step: "model",
              rows: [
                ["Deployment", <Code key="name">{values.name}</Code>],
                ["Version", <Code key="version">{`${values.model}:v${values.version}`}</Code>],
                ["Approval", version && <Status key="approval" state={versionApproval(version.approval_state)} />],
              ],
            },
            {
              step: "target",
              rows: [
                ["Target", values.target],
                ["Environment", values.environment],
                ["Replicas", values.replicas],
              ],
            },
            {
              step: "engine",
              rows: [
                ["Engine", engineName(values.engine)],
                [
                  "Flags",
                  Object.keys(values.flags).length > 0 ? (
                    <Code key="flags">
                      {Object.entries(values.flags)
                        .map(([name, value]) => `${name}=${value}`)
                        .join(" ")}
                    </Code>
                  ) : undefined,
                ],
                [
                  "Resources",
                  [
                    values.cpus !== null && `${values.cpus} CPUs`,
                    values.memory_mib !== null && bytes(values.memory_mib * mebibyte),
                  ]
                    .filter(Boolean)
                    .join(", ") || "No limit",
                ],
                ["Variables", values.variables.map((row) => row.key).join(", ") || undefined],
                ["Limits", `${values.timeout_s} s, ${values.concurrency_max} at once`],
              ],
            },
          ]}
        />
      ),
    },
  };

  return (
    <Page title="Create deployment" description="Runs a version on a target as a supervised engine, with an address.">
      <Wizard<Values>
        label="Steps of the deployment"
        form={form}
        schema={schema}
        draft={draft}
        step={search.step ?? "model"}
        onStep={(next) => void navigate({ search: (before) => ({ ...before, step: next as Step }) })}
        verb="Deploy"
        names={{
          "/model": "version",
          "/resources/cpus": "cpus",
          "/resources/memory_bytes": "memory_mib",
          "/environment_variables": "variables",
          "/limits/timeout_ms": "timeout_s",
          "/limits/concurrency_max": "concurrency_max",
        }}
        progress={{ label: "Deploying", value: null }}
        onSubmit={submit}
        aside={
          <EvidencePanel
            title="What is deployed"
            note={version && <Status state={versionApproval(version.approval_state)} />}
          >
            {version ? (
              <AnalysisOf query={analysis}>
                {(found) => (
                  <>
                    <AnalysisFacts analysis={found} />
                    <AnalysisWarnings warnings={found.warnings} />
                  </>
                )}
              </AnalysisOf>
            ) : (
              <p className="text-fg-2">Choose a version: this tells what it is.</p>
            )}
            {version && version.approval_state !== "approved" && (
              <Notice state={severity("warning")} title="This version is not approved">
                It can be deployed here; a gate of an environment may refuse it.
              </Notice>
            )}
          </EvidencePanel>
        }
        steps={steps.map((id) => ({ id, ...content[id] }))}
      />
    </Page>
  );
}

const Code = ({ children }: { children: string }) => (
  <code className="font-mono text-xs wrap-anywhere">{children}</code>
);

/** One of the organisation's models, or a public one by its id, found by typing. */
function ModelChoice({ value, onChange }: { value: string; onChange: (model: string) => void }) {
  const [query, setQuery] = useState("");
  const found = $api.useQuery(
    "get",
    "/api/v1/models",
    {
      params: {
        query: {
          page_size: 20,
          order_by: "updated_at desc",
          ...(query && { filter: or(contains("name", query), contains("display_name", query)) }),
        },
      },
    },
    { placeholderData: (before: unknown) => before as never },
  );
  const options: ComboboxOption[] = (found.data?.items ?? []).map((model) => ({
    value: model.name,
    label: model.name,
    detail: model.display_name,
    blocked: model.latest_version === 0 ? "No version yet" : undefined,
  }));
  return (
    <Combobox
      options={options}
      value={value === "" ? null : (options.find((one) => one.value === value) ?? { value, label: value })}
      onChange={(option) => onChange(option?.value ?? "")}
      onSearch={setQuery}
      searching={found.isFetching}
      placeholder="Find a model"
      noMatch="No model matches."
    />
  );
}
