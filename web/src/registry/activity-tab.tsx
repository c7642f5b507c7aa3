import {
  Ban,
  CircleCheck,
  GitCommitHorizontal,
  History,
  type LucideIcon,
  Pencil,
  Plus,
  Rocket,
  Tag,
  Trash2,
  UserRoundCheck,
} from "lucide-react";
import type { Schema } from "@/api/client";
import { useList } from "@/api/queries";
import { Loaded } from "@/identity/loaded";
import { useWho } from "@/identity/queries";
import { Card } from "@/kit/card";
import { More } from "@/kit/more";
import { Empty } from "@/kit/states";
import { Time } from "@/kit/time";
import type { Model } from "./queries";

export type Activity = Schema<"ModelActivity">;

const dataOf = (activity: Activity) => (activity.data ?? {}) as Record<string, unknown>;

/** What happened, in a sentence without its subject: "made version 3". */
export function sentence(activity: Activity): string {
  const { alias, name } = dataOf(activity);
  const version = activity.version === undefined ? "a version" : `version ${activity.version}`;
  const deployment = typeof name === "string" ? `the deployment ${name}` : "a deployment";
  const words: Record<string, string> = {
    "model.create": "registered the model",
    "model.update": "changed the model",
    "model.delete": "deleted the model",
    "model_version.create": `made ${version}`,
    "model_alias.set": `pointed the alias ${alias} to ${version}`,
    "model_alias.remove": `removed the alias ${alias}`,
    "approval.request": `asked for approval of ${version}`,
    "approval.approve": `approved ${version}`,
    "approval.reject": `rejected ${version}`,
    "deployment.created": `deployed ${version} as ${deployment}`,
    "deployment.updated": `changed ${deployment}`,
    "deployment.scaled": `scaled ${deployment}`,
    "deployment.restarted": `restarted ${deployment}`,
    "deployment.rolled_back": `rolled ${deployment} back`,
    "deployment.stop_requested": `stopped ${deployment}`,
    "deployment.started": `started ${deployment}`,
    "deployment.delete_requested": `deleted ${deployment}`,
  };
  return words[activity.action] ?? activity.action.replaceAll("_", " ").replace(".", ": ");
}

const icons: [begins: string, icon: LucideIcon][] = [
  ["model.create", Plus],
  ["model.delete", Trash2],
  ["model.", Pencil],
  ["model_version", GitCommitHorizontal],
  ["model_alias", Tag],
  ["approval.approve", CircleCheck],
  ["approval.reject", Ban],
  ["approval", UserRoundCheck],
  ["deployment", Rocket],
];
const iconOf = (action: string) => icons.find(([begins]) => action.startsWith(begins))?.[1] ?? History;

/** What was done to the model, its versions and its deployments, the newest first. */
export function ActivityTab({ model }: { model: Model }) {
  const who = useWho();
  const activity = useList("/api/v1/models/{model}/activity", { path: { model: model.id }, query: { page_size: 50 } });
  return (
    <Card aria-label="Activity">
      <Loaded query={activity} what="The activity">
        {(rows) =>
          rows.length === 0 ? (
            <Empty icon={History} title="Nothing has happened yet" />
          ) : (
            <ol className="py-2">
              {rows.map((row) => {
                const Icon = iconOf(row.action);
                return (
                  <li key={row.id} className="flex min-h-9 items-center gap-3 px-4 py-1">
                    <Icon aria-hidden className="size-4 shrink-0 text-fg-3" />
                    <span className="min-w-0 flex-1 wrap-anywhere">
                      <span className="font-medium">
                        {row.actor_kind === "system" ? "The system" : who(row.actor_id)}
                      </span>{" "}
                      {sentence(row)}
                    </span>
                    <Time value={row.time} className="tnum shrink-0 text-xs text-fg-3" />
                  </li>
                );
              })}
            </ol>
          )
        }
      </Loaded>
      <More paging={activity} label="Show earlier activity" />
    </Card>
  );
}
