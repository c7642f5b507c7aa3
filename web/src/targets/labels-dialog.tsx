import { z } from "zod";
import type { Versioned } from "@/api/changes";
import { api } from "@/api/client";
import { FormField, useZodForm } from "@/kit/form";
import { FormDialog } from "@/kit/form-dialog";
import { KeyValues } from "@/kit/key-values";
import type { Target } from "./queries";

const key = /^[A-Za-z0-9][A-Za-z0-9_./-]{0,127}$/;
const wrongKey = "Letters, digits, - _ . or /, beginning with a letter or digit.";
const schema = z.object({
  labels: z
    .array(z.object({ key: z.string().regex(key, wrongKey), value: z.string().max(512, "At most 512 characters.") }))
    .refine((rows) => new Set(rows.map((row) => row.key)).size === rows.length, "A label is given twice."),
});

type LabelsDialogProps = { target: Versioned<Target>; onClose: () => void; onSaved: () => void };

export function LabelsDialog({ target: { value, etag }, onClose, onSaved }: LabelsDialogProps) {
  const form = useZodForm(schema, {
    labels: Object.entries(value.labels).map(([name, text]) => ({ key: name, value: text })),
  });
  return (
    <FormDialog
      title={`Labels of ${value.name}`}
      description="By them people find a target, for example gpu=l4 or site=berlin."
      form={form}
      verb="Save"
      onClose={onClose}
      send={async ({ labels }) => {
        await api.PATCH("/api/v1/targets/{target}", {
          params: { path: { target: value.id }, header: { "If-Match": etag } },
          body: { labels: Object.fromEntries(labels.map((row) => [row.key, row.value])) },
        });
        onSaved();
      }}
    >
      <FormField form={form} name="labels" label="Labels" kind="group">
        {(field) => (
          <KeyValues
            what="Label"
            value={field.value}
            onChange={field.onChange}
            check={(name) => (key.test(name) ? undefined : wrongKey)}
          />
        )}
      </FormField>
    </FormDialog>
  );
}
