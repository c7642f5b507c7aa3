import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { GitCommitHorizontal, Rocket, Tag, UserRoundCheck, X } from "lucide-react";
import { useState } from "react";
import { z } from "zod";
import { api } from "@/api/client";
import { useList } from "@/api/queries";
import { text } from "@/api/rules";
import { Loaded } from "@/identity/loaded";
import { useMemberNames } from "@/identity/queries";
import { useSession } from "@/identity/session";
import { Badge } from "@/kit/badge";
import { buttonClass } from "@/kit/button";
import { Card, CardHead } from "@/kit/card";
import { Confirm } from "@/kit/confirm";
import { CopyText } from "@/kit/copy-text";
import { FormField, useZodForm } from "@/kit/form";
import { FormDialog } from "@/kit/form-dialog";
import { Input, Textarea } from "@/kit/input";
import { ActionMenu, type MenuItem } from "@/kit/menu";
import { More } from "@/kit/more";
import { Empty } from "@/kit/states";
import { Status, versionApproval } from "@/kit/status";
import { Time } from "@/kit/time";
import { bytes, plural } from "@/lib/format";
import { objectLink } from "@/shell/object-link";
import type { Model, ModelVersion } from "./queries";

type Shown =
  | { kind: "alias"; version: ModelVersion }
  | { kind: "approval"; version: ModelVersion }
  | { kind: "remove-alias"; alias: string };

/** Its versions, the newest first; in brief only the latest few. */
export function VersionsTab({ model, writes, brief = false }: { model: Model; writes: boolean; brief?: boolean }) {
  const { may } = useSession();
  const nameOf = useMemberNames();
  const client = useQueryClient();
  const versions = useList("/api/v1/models/{model}/versions", {
    path: { model: model.id },
    query: { page_size: brief ? 3 : 50 },
  });
  const [shown, setShown] = useState<Shown>();
  const close = () => setShown(undefined);
  const deploys = may("deployments:write");
  const reread = () => client.invalidateQueries({ queryKey: ["get", "/api/v1/models/{model}/versions"] });

  const items = (version: ModelVersion): MenuItem[] => [
    {
      label: "Ask for approval",
      icon: UserRoundCheck,
      onSelect: () => setShown({ kind: "approval", version }),
      ...(version.approval_state === "pending" && { blocked: "Is asked for" }),
      ...(version.approval_state === "approved" && { blocked: "Is approved" }),
      ...(!may("approvals:request") && { blocked: "Needs approvals:request" }),
    },
    { label: "Set an alias", icon: Tag, onSelect: () => setShown({ kind: "alias", version }) },
  ];

  return (
    <>
      <Card aria-label="Versions">
        <CardHead title={brief ? "Latest versions" : "Versions"} sub="They never change; aliases point to them" />
        <Loaded query={versions} what="The versions">
          {(rows) =>
            rows.length === 0 ? (
              <Empty
                icon={GitCommitHorizontal}
                title="There is no version yet"
                action={
                  writes && (
                    <Link
                      to="/modelops/registry/$model/create-version"
                      params={{ model: model.name }}
                      className={buttonClass("primary")}
                    >
                      Create version
                    </Link>
                  )
                }
              >
                A version is the content of a model at one moment: what is approved and deployed.
              </Empty>
            ) : (
              <ul>
                {rows.map((version) => {
                  const approval = version.approval_id && objectLink("approval", version.approval_id);
                  return (
                    <li
                      key={version.id}
                      className="flex flex-wrap items-center gap-x-4 gap-y-1.5 border-b border-line px-4 py-3 last:border-0"
                    >
                      <span className="w-12 font-mono font-medium">v{version.version}</span>
                      <span className="min-w-40">
                        {approval ? (
                          <Link {...approval} className="hover:underline">
                            <Status state={versionApproval(version.approval_state)} />
                          </Link>
                        ) : (
                          <Status state={versionApproval(version.approval_state)} />
                        )}
                        {version.self_approved && <span className="block text-xs text-fg-3">by its author</span>}
                      </span>
                      <span className="flex min-w-0 flex-1 flex-wrap items-center gap-1">
                        {version.aliases.map((alias) => (
                          <span key={alias} className="inline-flex items-center">
                            <Badge>{alias}</Badge>
                            {writes && alias !== "latest-approved" && (
                              <button
                                type="button"
                                aria-label={`Remove the alias ${alias}`}
                                onClick={() => setShown({ kind: "remove-alias", alias })}
                                className="grid size-5 place-items-center rounded-sm text-fg-3 hover:text-fg"
                              >
                                <X aria-hidden className="size-3" />
                              </button>
                            )}
                          </span>
                        ))}
                        {version.description && <span className="truncate text-fg-2">{version.description}</span>}
                      </span>
                      <span className="text-xs text-fg-3">
                        {plural(version.file_count, "file")}, {bytes(version.size_bytes)}
                        {!brief && `, by ${nameOf(version.created_by)}`}, <Time value={version.created_at} />
                      </span>
                      {!brief && (
                        <span className="flex items-center gap-1">
                          <CopyText text={version.digest}>{version.digest.slice(0, 12)}</CopyText>
                          {deploys && (
                            <Link
                              to="/modelops/deployments/create"
                              search={{ model: model.name, version: version.version }}
                              aria-label={`Deploy version ${version.version}`}
                              className={buttonClass("secondary", "sm")}
                            >
                              <Rocket aria-hidden className="size-3.5" />
                              Deploy
                            </Link>
                          )}
                          {writes && <ActionMenu of={`version ${version.version}`} items={items(version)} />}
                        </span>
                      )}
                    </li>
                  );
                })}
              </ul>
            )
          }
        </Loaded>
        {!brief && <More paging={versions} label="Show older versions" />}
      </Card>
      {shown?.kind === "alias" && (
        <SetAlias model={model} version={shown.version} onClose={close} onSaved={() => void reread()} />
      )}
      {shown?.kind === "approval" && (
        <AskForApproval model={model} version={shown.version} onClose={close} onSaved={() => void reread()} />
      )}
      {shown?.kind === "remove-alias" && (
        <Confirm
          onClose={close}
          title={`Remove the alias ${shown.alias}?`}
          verb="Remove alias"
          danger
          onConfirm={async () => {
            await api.DELETE("/api/v1/models/{model}/aliases/{alias}", {
              params: { path: { model: model.id, alias: shown.alias } },
            });
            await reread();
          }}
        >
          Calls and new deployments that name it find nothing any more. What is deployed stays as it is.
        </Confirm>
      )}
    </>
  );
}

type DialogProps = { model: Model; version: ModelVersion; onClose: () => void; onSaved: () => void };

const aliasSchema = z.object({
  alias: text("set_model_alias", "alias", {
    required: "Give it a name.",
    form: "Letters, digits, - or _; not latest and not v with a number, which name versions themselves.",
  }),
});

function SetAlias({ model, version, onClose, onSaved }: DialogProps) {
  const form = useZodForm(aliasSchema, { alias: "" });
  return (
    <FormDialog
      title={`Set an alias of version ${version.version}`}
      description="It moves here from wherever it was. Nothing is redeployed by that."
      form={form}
      verb="Set alias"
      onClose={onClose}
      send={async ({ alias }) => {
        await api.POST("/api/v1/models/{model}/aliases", {
          params: { path: { model: model.id } },
          body: { alias, version: version.version },
        });
        onSaved();
      }}
    >
      <FormField form={form} name="alias" label="Alias" hint="For example production, staging, champion.">
        {(field) => <Input mono list="aliases" {...field} />}
      </FormField>
      <datalist id="aliases">
        <option value="production" />
        <option value="staging" />
        <option value="champion" />
        <option value="challenger" />
      </datalist>
    </FormDialog>
  );
}

const approvalSchema = z.object({ comment: text("request_model_version_approval", "comment") });

function AskForApproval({ model, version, onClose, onSaved }: DialogProps) {
  const form = useZodForm(approvalSchema, { comment: "" });
  return (
    <FormDialog
      title={`Ask for approval of version ${version.version}`}
      description="Somebody who may decide sees it among the approvals. It holds for this content only."
      form={form}
      verb="Ask for approval"
      onClose={onClose}
      send={async (body) => {
        await api.POST("/api/v1/models/{model}/versions/{version}/approval-request", {
          params: { path: { model: model.id, version: version.version } },
          body,
        });
        onSaved();
      }}
    >
      <FormField
        form={form}
        name="comment"
        label="What should they know?"
        optional
        hint="What changed, what was tested."
      >
        {(field) => <Textarea rows={4} {...field} />}
      </FormField>
    </FormDialog>
  );
}
