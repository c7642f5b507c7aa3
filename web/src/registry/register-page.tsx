import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect } from "react";
import { z } from "zod";
import { useIdempotencyKey } from "@/api/changes";
import { api, body } from "@/api/client";
import { text } from "@/api/rules";
import { Loaded } from "@/identity/loaded";
import { Needs } from "@/identity/needs";
import { useTeams } from "@/identity/queries";
import { useSession } from "@/identity/session";
import { Badge } from "@/kit/badge";
import { Checkbox } from "@/kit/checkbox";
import { ChoiceCards } from "@/kit/choice-cards";
import { FormField, useZodForm } from "@/kit/form";
import { Input, Textarea } from "@/kit/input";
import { Page } from "@/kit/page";
import { Select } from "@/kit/select";
import { TagsInput } from "@/kit/tags-input";
import { Wizard, WizardReview, type WizardStep } from "@/kit/wizard";
import { useFormDraft } from "@/lib/drafts";
import { bytes, plural } from "@/lib/format";
import { engineName } from "@/targets/queries";
import {
  type Interface,
  interfaceName,
  interfaces,
  nameFrom,
  useEngines,
  type Visibility,
  visibilities,
} from "./queries";
import { blockedBy, SourceDrop, SourceEvidence } from "./source-panel";
import { checkTag } from "./tags";
import { useSource } from "./use-source";

const schema = z
  .object({
    upload_id: z.string().min(1, "Choose the model's files."),
    operation_id: z.string(),
    name: text("create_model", "name", { required: "Give it a name." }),
    display_name: text("create_model", "display_name"),
    description: text("create_model", "description"),
    visibility: z.enum(["private", "team", "organization", "public"]),
    team: z.string(),
    tags: z.record(z.string(), z.string()),
    interface: z.enum(["chat", "completion", "embedding", "custom"]),
    engine: z.string().min(1, "Choose an engine."),
    create_version: z.boolean(),
  })
  .superRefine((values, context) => {
    if (values.visibility === "team" && values.team === "")
      context.addIssue({ code: "custom", path: ["team"], message: "Choose the team." });
  });
type Values = z.infer<typeof schema>;

const steps = ["source", "identity", "runtime", "review"] as const;

export const RegisterPage = () => (
  <Needs permission="models:write" title="Register model">
    <RegisterModel />
  </Needs>
);

/** Four steps from files to a model of the registry. */
function RegisterModel() {
  const { step = "source" } = useSearch({ from: "/modelops/register-model" });
  const navigate = useNavigate({ from: "/modelops/register-model" });
  const { actor_id, team_ids } = useSession();
  const form = useZodForm<Values>(schema, {
    upload_id: "",
    operation_id: "",
    name: "",
    display_name: "",
    description: "",
    visibility: "organization",
    team: "",
    tags: {},
    interface: "custom",
    engine: "",
    create_version: true,
  });
  const draft = useFormDraft(form, { user: actor_id, name: "register-model", version: 1 });
  const values = form.watch();
  const source = useSource(values, (kept) => {
    form.setValue("upload_id", kept.upload_id);
    form.setValue("operation_id", kept.operation_id);
  });
  const key = useIdempotencyKey();
  const teams = useTeams();
  const mine = teams.data?.items.filter((team) => team_ids.includes(team.id)) ?? [];
  const engines = useEngines();
  const analysis = source.result?.analysis;

  // What the analysis found is offered where nothing was chosen yet.
  useEffect(() => {
    if (!analysis) return;
    const { name, engine } = form.getValues();
    const found = analysis.name || source.files[0]?.path.split("/").pop() || analysis.primary_file || "";
    if (name === "" && found) form.setValue("name", nameFrom(found), { shouldDirty: true });
    if (engine !== "") return;
    form.setValue("interface", analysis.interface, { shouldDirty: true });
    form.setValue("engine", analysis.recommended_engine ?? "", { shouldDirty: true });
  }, [analysis, form, source.files]);

  const submit = async (sent: Values) => {
    const request = {
      name: sent.name,
      ...(sent.display_name && { display_name: sent.display_name }),
      description: sent.description,
      visibility: sent.visibility,
      ...(sent.visibility === "team" && { team: sent.team }),
      tags: sent.tags,
      interface: sent.interface,
      engine: sent.engine,
      analysis_operation_id: sent.operation_id,
      create_version: sent.create_version,
    };
    await body(api.POST("/api/v1/models/register-v2", { body: request, headers: { "Idempotency-Key": key(request) } }));
    draft.finish();
    void navigate({ to: "/modelops/registry/$model", params: { model: sent.name } });
  };

  const offered = (engines.data?.items ?? []).map((engine) => {
    const suits = !analysis || [analysis.recommended_engine, ...analysis.alternative_engines].includes(engine.id);
    return {
      value: engine.id,
      label: engineName(engine.id),
      hint: engine.id === analysis?.recommended_engine ? "Recommended for these files" : undefined,
      badge: engine.id === analysis?.recommended_engine ? "Recommended" : undefined,
      blocked: suits ? undefined : "Does not read these files",
    };
  });

  const content: Record<(typeof steps)[number], Omit<WizardStep<Values>, "id">> = {
    source: {
      label: "Source",
      heading: "Where does the model come from?",
      summary: analysis ? `${plural(analysis.file_count, "file")}, ${bytes(analysis.size_bytes)}` : "The model's files",
      fields: ["upload_id"],
      blocked: blockedBy[source.state],
      content: <SourceDrop source={source} error={form.formState.errors.upload_id?.message} />,
    },
    identity: {
      label: "Identity",
      heading: "How will people find it?",
      summary: values.name || "Name, visibility, tags",
      fields: ["name", "display_name", "description", "visibility", "team", "tags"],
      content: (
        <>
          <FormField
            form={form}
            name="name"
            label="Name"
            hint="Used in calls, manifests and aliases. It cannot change later."
          >
            {(field) => <Input mono {...field} />}
          </FormField>
          <FormField form={form} name="display_name" label="Display name" optional>
            {(field) => <Input {...field} />}
          </FormField>
          <FormField
            form={form}
            name="description"
            label="Description"
            optional
            hint="Purpose, expected inputs, owner, where it is meant to run."
          >
            {(field) => <Textarea rows={4} {...field} />}
          </FormField>
          <FormField form={form} name="visibility" label="Visibility" kind="group">
            {(field) => (
              <ChoiceCards<Visibility>
                columns={2}
                options={visibilities.map((one) => ({
                  ...one,
                  ...(one.value === "team" && mine.length === 0 && { blocked: "You belong to no team" }),
                }))}
                {...field}
              />
            )}
          </FormField>
          {values.visibility === "team" && (
            <FormField form={form} name="team" label="Team" kind="button">
              {(field) => (
                <Select
                  options={mine.map((team) => ({ value: team.name, label: team.display_name || team.name }))}
                  {...field}
                />
              )}
            </FormField>
          )}
          <FormField
            form={form}
            name="tags"
            label="Tags"
            optional
            hint="key=value, for example domain=fraud, risk=high. Lists filter by them."
          >
            {(field) => <TagsInput {...field} check={checkTag} onChange={(tags) => field.onChange({ ...tags })} />}
          </FormField>
        </>
      ),
    },
    runtime: {
      label: "Runtime",
      heading: "How is it served?",
      summary: values.engine
        ? `${interfaceName(values.interface)}, ${engineName(values.engine)}`
        : "Interface and engine",
      fields: ["interface", "engine"],
      content: (
        <>
          <FormField form={form} name="interface" label="Interface" kind="group">
            {(field) => <ChoiceCards<Interface> columns={2} options={interfaces} {...field} />}
          </FormField>
          <FormField form={form} name="engine" label="Serving engine" kind="group">
            {(field) => <ChoiceCards columns={2} options={offered} {...field} />}
          </FormField>
          <Loaded query={engines} what="The engines" />
        </>
      ),
    },
    review: {
      label: "Review",
      heading: "Review and register",
      summary: "Confirm and register",
      content: (
        <>
          <WizardReview
            sections={[
              {
                step: "source",
                rows: [
                  ["Files", analysis && `${plural(analysis.file_count, "file")}, ${bytes(analysis.size_bytes)}`],
                  ["Warnings", analysis && (analysis.warnings.length || "None")],
                ],
              },
              {
                step: "identity",
                rows: [
                  [
                    "Name",
                    <code key="name" className="font-mono text-xs">
                      {values.name}
                    </code>,
                  ],
                  ["Display name", values.display_name || undefined],
                  ["Description", values.description || undefined],
                  [
                    "Visibility",
                    visibilities.find((one) => one.value === values.visibility)?.label +
                      (values.visibility === "team" ? `, ${values.team}` : ""),
                  ],
                  [
                    "Tags",
                    Object.keys(values.tags).length > 0 ? (
                      <span key="tags" className="flex flex-wrap gap-1">
                        {Object.entries(values.tags).map(([tag, value]) => (
                          <Badge key={tag} mono>
                            {value ? `${tag}=${value}` : tag}
                          </Badge>
                        ))}
                      </span>
                    ) : undefined,
                  ],
                ],
              },
              {
                step: "runtime",
                rows: [
                  ["Interface", interfaceName(values.interface)],
                  ["Engine", engineName(values.engine)],
                ],
              },
            ]}
          />
          <FormField form={form} name="create_version" label="Version" kind="group">
            {(field) => (
              <Checkbox
                label="Make version 1 of these files at once"
                hint="A version never changes. It can then be approved and deployed."
                checked={field.value}
                onChange={field.onChange}
              />
            )}
          </FormField>
        </>
      ),
    },
  };

  return (
    <Page title="Register model" description="Makes a governed record in the registry. Nothing is deployed yet.">
      <Wizard<Values>
        label="Registration steps"
        form={form}
        schema={schema}
        draft={draft}
        step={step}
        onStep={(next) => void navigate({ search: { step: next as (typeof steps)[number] } })}
        verb="Register model"
        names={{ "/analysis_operation_id": "upload_id" }}
        progress={{ label: "Registering", value: null }}
        onSubmit={submit}
        aside={<SourceEvidence source={source} />}
        steps={steps.map((id) => ({ id, ...content[id] }))}
      />
    </Page>
  );
}
