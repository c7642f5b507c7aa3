import { useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { z } from "zod";
import { useIdempotencyKey } from "@/api/changes";
import { api, body } from "@/api/client";
import { text } from "@/api/rules";
import { Needs } from "@/identity/needs";
import { Button } from "@/kit/button";
import { FormFailure, FormField, useSend, useZodForm } from "@/kit/form";
import { Textarea } from "@/kit/input";
import { Page } from "@/kit/page";
import { blockedBy, SourceDrop, SourceEvidence } from "./source-panel";
import { useSource } from "./use-source";

const schema = z.object({ description: text("create_model_version", "description") });
const nothing = { upload_id: "", operation_id: "" };

export const CreateVersionPage = () => (
  <Needs permission="models:write" title="Create a version">
    <CreateVersion />
  </Needs>
);

/** Other files of a model become its next version. */
function CreateVersion() {
  const { model } = useParams({ from: "/modelops/registry/$model/create-version" });
  const navigate = useNavigate();
  const [kept, setKept] = useState(nothing);
  const source = useSource(kept, setKept);
  const form = useZodForm(schema, { description: "" });
  const key = useIdempotencyKey();
  const sent = useSend(form, async ({ description }) => {
    const request = { upload_id: kept.upload_id, description };
    await body(
      api.POST("/api/v1/models/{model}/versions", {
        params: { path: { model } },
        body: request,
        headers: { "Idempotency-Key": key(request) },
      }),
    );
    void navigate({ to: "/modelops/registry/$model", params: { model }, search: { tab: "versions" } });
  });
  const blocked = blockedBy[source.state];
  return (
    <Page
      title={`Create a version of ${model}`}
      description="Drop its new files. What was approved and deployed stays."
    >
      <div className="@container">
        <form
          {...sent.props}
          className="grid max-w-5xl items-start gap-6 px-4 pb-10 md:px-6 @min-[52rem]:grid-cols-[minmax(24rem,38rem)_minmax(16rem,21rem)]"
        >
          <div className="grid min-w-0 gap-5 rounded-lg border border-line bg-surface p-4 shadow-card @min-[30rem]:p-6">
            <SourceDrop source={source} />
            <FormField form={form} name="description" label="What changed?" optional hint="Shown beside the version.">
              {(field) => <Textarea {...field} />}
            </FormField>
            <FormFailure failure={sent.failure} />
            <div className="flex items-center justify-end gap-3">
              <span role="status" className="text-xs text-fg-2">
                {blocked}
              </span>
              <Button type="submit" variant="primary" busy={sent.sending} disabled={blocked !== undefined}>
                Create version
              </Button>
            </div>
          </div>
          <SourceEvidence source={source} />
        </form>
      </div>
    </Page>
  );
}
