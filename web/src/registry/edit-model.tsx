import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { z } from "zod";
import { Conflict as Conflicting, save, type Versioned } from "@/api/changes";
import { api } from "@/api/client";
import { text } from "@/api/rules";
import { CouldNotOpen } from "@/identity/could-not-open";
import { useTeams } from "@/identity/queries";
import { useSession } from "@/identity/session";
import { ChoiceCards } from "@/kit/choice-cards";
import { Conflict } from "@/kit/conflict";
import { Dialog } from "@/kit/dialog";
import { FormField, useZodForm } from "@/kit/form";
import { FormDialog } from "@/kit/form-dialog";
import { Input, Textarea } from "@/kit/input";
import { Select } from "@/kit/select";
import { TagsInput } from "@/kit/tags-input";
import { type Model, type Visibility, visibilities } from "./queries";
import { checkTag } from "./tags";

const schema = z
  .object({
    display_name: text("update_model", "display_name", { required: "Give it a name." }),
    description: text("update_model", "description"),
    visibility: z.enum(["private", "team", "organization", "public"]),
    team: z.string(),
    tags: z.record(z.string(), z.string()),
  })
  .superRefine((values, context) => {
    if (values.visibility === "team" && values.team === "")
      context.addIssue({ code: "custom", path: ["team"], message: "Choose the team." });
  });
type Values = z.infer<typeof schema>;
type Change = Partial<Values>;

const labels: Record<keyof Values, string> = {
  display_name: "Display name",
  description: "Description",
  visibility: "Visibility",
  team: "Team",
  tags: "Tags",
};

const shown = (value: unknown) =>
  typeof value === "object" && value !== null
    ? Object.entries(value)
        .map(([key, text]) => `${key}=${text}`)
        .join(", ")
    : String(value ?? "");

const same = (a: unknown, b: unknown) => shown(a) === shown(b);

type EditModelProps = { model: Versioned<Model>; onClose: () => void };

export function EditModel({ model: opened, onClose }: EditModelProps) {
  // What was read when the dialog opened: events go on changing the page below it.
  const [model, setModel] = useState(opened);
  const [conflict, setConflict] = useState<Conflicting<Model, Change>>();
  const [busy, setBusy] = useState(false);
  const client = useQueryClient();
  const teams = useTeams();
  const { team_ids } = useSession();
  const teamName = (id: string | undefined) => teams.data?.items.find((team) => team.id === id)?.name ?? "";
  const valuesOf = (value: Model): Values => ({
    display_name: value.display_name,
    description: value.description,
    visibility: value.visibility,
    team: teamName(value.team_id),
    tags: value.tags,
  });
  const path = { model: model.value.id };
  const send = async (etag: string, change: Change) => {
    await save<Model, Change>(
      {
        read: () => api.GET("/api/v1/models/{model}", { params: { path } }),
        save: (seen, body) =>
          api.PATCH("/api/v1/models/{model}", { params: { path, header: { "If-Match": seen } }, body }),
      },
      etag,
      change,
    );
    await client.invalidateQueries({ queryKey: ["get", "/api/v1/models/{model}"] });
  };

  if (conflict) {
    const theirs = valuesOf(conflict.theirs.value);
    const differing = (Object.keys(conflict.mine) as (keyof Values)[]).filter(
      (name) => !same(conflict.mine[name], theirs[name]),
    );
    return (
      <Dialog open onClose={onClose} size="lg" title={`Edit ${model.value.name}`}>
        <div className="pb-4">
          <Conflict
            busy={busy}
            fields={differing.map((name) => ({
              name,
              label: labels[name],
              mine: shown(conflict.mine[name]),
              theirs: shown(theirs[name]),
            }))}
            onCancel={onClose}
            onResolve={async (choice) => {
              const kept = Object.fromEntries(
                Object.entries(conflict.mine).filter(([name]) => choice[name] !== "theirs"),
              ) as Change;
              setBusy(true);
              try {
                if (Object.keys(kept).length > 0) await send(conflict.theirs.etag, kept);
                onClose();
              } catch (again) {
                setBusy(false);
                if (again instanceof Conflicting) setConflict(again as Conflicting<Model, Change>);
                else {
                  setModel(conflict.theirs);
                  setConflict(undefined);
                }
              }
            }}
          />
        </div>
      </Dialog>
    );
  }
  if (!teams.data) return <CouldNotOpen what="team" query={teams} onClose={onClose} />;
  return (
    <Form
      key={model.etag}
      name={model.value.name}
      values={valuesOf(model.value)}
      teams={teams.data.items.filter((team) => team_ids.includes(team.id) || team.id === model.value.team_id)}
      onClose={onClose}
      send={async (change) => {
        try {
          await send(model.etag, change);
          onClose();
        } catch (error) {
          if (!(error instanceof Conflicting)) throw error;
          setConflict(error as Conflicting<Model, Change>);
        }
      }}
    />
  );
}

type FormProps = {
  name: string;
  values: Values;
  teams: { name: string; display_name: string }[];
  onClose: () => void;
  send: (change: Change) => Promise<void>;
};

function Form({ name, values, teams, onClose, send }: FormProps) {
  const form = useZodForm<Values>(schema, values);
  const visibility = form.watch("visibility");
  return (
    <FormDialog
      size="lg"
      title={`Edit ${name}`}
      form={form}
      verb="Save"
      onClose={onClose}
      keepOpen
      send={(now) => {
        const changed = (Object.keys(now) as (keyof Values)[]).filter(
          (field) => !same(now[field], values[field]) && (field !== "team" || now.visibility === "team"),
        );
        return send(Object.fromEntries(changed.map((field) => [field, now[field]])) as Change);
      }}
    >
      <FormField form={form} name="display_name" label="Display name">
        {(field) => <Input {...field} />}
      </FormField>
      <FormField form={form} name="description" label="Description" optional>
        {(field) => <Textarea rows={5} {...field} />}
      </FormField>
      <FormField form={form} name="visibility" label="Visibility" kind="group">
        {(field) => (
          <ChoiceCards<Visibility>
            columns={2}
            options={visibilities.map((one) => ({
              ...one,
              ...(one.value === "team" && teams.length === 0 && { blocked: "You belong to no team" }),
            }))}
            {...field}
          />
        )}
      </FormField>
      {visibility === "team" && (
        <FormField form={form} name="team" label="Team" kind="button">
          {(field) => (
            <Select
              options={teams.map((team) => ({ value: team.name, label: team.display_name || team.name }))}
              {...field}
            />
          )}
        </FormField>
      )}
      <FormField form={form} name="tags" label="Tags" optional>
        {(field) => <TagsInput {...field} check={checkTag} onChange={(tags) => field.onChange({ ...tags })} />}
      </FormField>
    </FormDialog>
  );
}
