import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { z } from "zod";
import { useVersioned, type Versioned } from "@/api/changes";
import { api, type Schema } from "@/api/client";
import { $api } from "@/api/queries";
import { text } from "@/api/rules";
import { Button } from "@/kit/button";
import { Card } from "@/kit/card";
import { Checkbox } from "@/kit/checkbox";
import { CopyText } from "@/kit/copy-text";
import { FormFailure, FormField, useSend, useZodForm } from "@/kit/form";
import { Input } from "@/kit/input";
import { Page } from "@/kit/page";
import { Time } from "@/kit/time";
import { bytes, plural } from "@/lib/format";
import { Loaded } from "./loaded";
import { useSession } from "./session";

type Organization = Schema<"Organization">;

export function OrganizationPage() {
  const organization = useVersioned(["get", "/api/v1/organization"], () => api.GET("/api/v1/organization"));
  return (
    <Page title="Organization" description="What holds for everybody here.">
      <div className="max-w-2xl px-4 pb-6 md:px-6">
        <Loaded query={organization} what="The organization">
          {(read) => <Settings key={read.etag} organization={read} />}
        </Loaded>
      </div>
    </Page>
  );
}

const schema = z.object({
  display_name: text("update_organization", "display_name", { required: "Give it a name." }),
  self_approval: z.boolean(),
});

function Settings({ organization: { value, etag } }: { organization: Versioned<Organization> }) {
  const { may } = useSession();
  const client = useQueryClient();
  const usage = $api.useQuery("get", "/api/v1/uploads/usage", {}, { enabled: may("models:read") });
  const [saved, setSaved] = useState(false);
  const form = useZodForm(schema, { display_name: value.display_name, self_approval: value.self_approval });
  const sent = useSend(form, async (values) => {
    await api.PATCH("/api/v1/organization", { params: { header: { "If-Match": etag } }, body: values });
    setSaved(true);
    await client.invalidateQueries({ queryKey: ["get", "/api/v1/organization"] });
  });
  const writes = may("organization:write");
  return (
    <Card>
      <form {...sent.props} className="grid gap-5 p-5">
        <dl className="grid grid-cols-[8rem_minmax(0,1fr)] gap-y-1.5">
          <dt className="text-fg-3">Name</dt>
          <dd>
            <CopyText text={value.name} />
          </dd>
          <dt className="text-fg-3">Since</dt>
          <dd>
            <Time value={value.created_at} />
          </dd>
          {usage.data && (
            <>
              <dt className="text-fg-3">Files</dt>
              <dd>
                {bytes(usage.data.bytes_kept + usage.data.bytes_pending)} of {bytes(usage.data.bytes_max)}
                {usage.data.transfers_pending > 0 && `, ${plural(usage.data.transfers_pending, "upload")} under way`}
              </dd>
            </>
          )}
        </dl>
        <FormField form={form} name="display_name" label="Display name">
          {(field) => <Input readOnly={!writes} {...field} />}
        </FormField>
        <FormField form={form} name="self_approval" label="Approvals" kind="group">
          {(field) => (
            <Checkbox
              label="Authors may approve their own versions while nobody else could"
              hint="Each such approval is recorded as one, and never satisfies a production gate."
              checked={field.value}
              onChange={field.onChange}
              disabled={!writes}
            />
          )}
        </FormField>
        <FormFailure failure={sent.failure} />
        {writes && (
          <div className="flex items-center gap-3">
            <Button type="submit" variant="primary" busy={sent.sending} disabled={!form.formState.isDirty}>
              Save
            </Button>
            <span role="status" className="text-xs text-fg-2">
              {saved && !form.formState.isDirty ? "Saved" : ""}
            </span>
          </div>
        )}
      </form>
    </Card>
  );
}
