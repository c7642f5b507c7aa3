import { Link } from "@tanstack/react-router";
import { ArrowRight, CircleCheck, Rocket } from "lucide-react";
import type { ReactNode } from "react";
import { Failure } from "@/identity/failure";
import { useSession } from "@/identity/session";
import { buttonClass } from "@/kit/button";
import { Card, CardHead } from "@/kit/card";
import { Page } from "@/kit/page";
import { Skeleton } from "@/kit/skeleton";
import { Empty } from "@/kit/states";
import { deploymentState, Status } from "@/kit/status";
import { Time } from "@/kit/time";
import { cx } from "@/lib/cx";
import { plural } from "@/lib/format";
import { actions, allowed, destinations } from "@/shell/navigation";
import { ObjectLink, objectLink } from "@/shell/object-link";
import { OperationRow } from "@/shell/operation-row";
import { FirstRun } from "./first-run";
import { useAttention, useCounts, useRecentDeployments, useRunning } from "./queries";

/** What there is to do, what runs, and how the deployments are. */
export function Home() {
  const { may } = useSession();
  const counts = useCounts();
  const verbs = allowed(actions, may);
  return (
    <Page
      title="Home"
      description={counts.text || <Skeleton className="h-5 w-52" />}
      actions={verbs.map((verb, i) => (
        <Link key={verb.name} {...verb.link} className={buttonClass(i === verbs.length - 1 ? "primary" : "secondary")}>
          <verb.icon aria-hidden className="size-4" />
          {verb.label}
        </Link>
      ))}
    >
      <div className="grid gap-4 px-4 pb-6 md:px-6 xl:grid-cols-[1.65fr_1fr] [&>*]:min-w-0">
        {counts.is_first_run ? <FirstRun /> : <NeedsAttention />}
        <RunningNow />
        {!counts.is_first_run && <Deployments />}
      </div>
    </Page>
  );
}

function Rows({ label, count }: { label: string; count: number }) {
  return (
    <ul aria-label={label} aria-busy="true">
      {Array.from({ length: count }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are all alike
        <li key={row} className="flex h-14 items-center gap-4 border-b border-line px-4 last:border-0">
          <Skeleton className="h-3.5 w-24" />
          <Skeleton className="h-3.5 w-2/5" />
        </li>
      ))}
    </ul>
  );
}

const Quiet = ({ icon: Icon, children }: { icon: typeof Rocket; children: ReactNode }) => (
  <p className="flex items-center gap-2 px-4 py-6 text-fg-2">
    <Icon aria-hidden className="size-4 shrink-0 text-fg-3" />
    {children}
  </p>
);

function NeedsAttention() {
  const { items, pending, error, retry } = useAttention();
  return (
    <Card className="overflow-hidden" aria-label="Needs attention">
      <CardHead title="Needs attention" sub={items.length > 0 ? `${items.length}, newest first` : undefined} />
      {error ? (
        <Failure error={error} title="What needs attention could not be loaded" onRetry={retry} />
      ) : pending ? (
        <Rows label="What needs attention loads" count={3} />
      ) : items.length === 0 ? (
        <Quiet icon={CircleCheck}>Nothing needs you. Every deployment and target is as it should be.</Quiet>
      ) : (
        <ul>
          {items.map((item) => {
            const link = objectLink(item.kind, item.kind === "approval" ? item.id : item.name);
            return (
              <li
                key={item.id}
                className="grid grid-cols-[auto_1fr_auto] items-center gap-x-4 gap-y-1 border-b border-line px-4 py-2.5 last:border-0 hover:bg-hover sm:grid-cols-[8.5rem_1fr_auto_4.5rem]"
              >
                <Status state={item.state} />
                <span className="min-w-0 max-sm:order-3 max-sm:col-span-3">
                  <span className="block truncate font-medium">{item.name}</span>
                  <span className="block text-xs wrap-anywhere text-fg-2">{item.why}</span>
                </span>
                {link ? (
                  <Link
                    {...link}
                    aria-label={`${item.verb}: ${item.name}`}
                    className={buttonClass("secondary", "sm", "max-sm:order-2 max-sm:justify-self-end")}
                  >
                    {item.verb}
                  </Link>
                ) : (
                  <span />
                )}
                {item.since ? (
                  <Time value={item.since} className="tnum text-right text-xs text-fg-3 max-sm:hidden" />
                ) : (
                  <span className="max-sm:hidden" />
                )}
              </li>
            );
          })}
        </ul>
      )}
    </Card>
  );
}

function RunningNow() {
  const { data, error, isLoading, refetch } = useRunning();
  const operations = data?.items ?? [];
  return (
    <Card className="overflow-hidden" aria-label="Running now">
      <CardHead title="Running now" sub={operations.length > 0 ? operations.length : undefined} />
      {error && !data ? (
        <Failure error={error} title="What runs could not be loaded" onRetry={() => void refetch()} />
      ) : isLoading ? (
        <Rows label="What runs loads" count={1} />
      ) : operations.length === 0 ? (
        <Quiet icon={CircleCheck}>No job runs. Analyses and other long work are shown here with their progress.</Quiet>
      ) : (
        <ul>
          {operations.map((operation) => (
            <OperationRow key={operation.id} operation={operation} />
          ))}
        </ul>
      )}
    </Card>
  );
}

const columns = ["Deployment", "State", "Replicas", "Model", "Environment", "Changed"];

function Deployments() {
  const { data, error, isLoading, refetch } = useRecentDeployments();
  const { may } = useSession();
  const all = destinations.find((page) => page.label === "Deployments");
  const create = allowed(actions, may).find((action) => action.name === "create-deployment");
  const rows = data?.items ?? [];
  return (
    <Card className="overflow-hidden xl:col-span-2" aria-label="Deployments">
      <CardHead title="Deployments" sub={rows.length > 0 ? "last changed first" : undefined}>
        {all && (
          <Link {...all.link} className={buttonClass("ghost", "sm")}>
            All deployments
            <ArrowRight aria-hidden className="size-3.5" />
          </Link>
        )}
      </CardHead>
      {error && !data ? (
        <Failure error={error} title="The deployments could not be loaded" onRetry={() => void refetch()} />
      ) : isLoading ? (
        <Rows label="Deployments load" count={4} />
      ) : rows.length === 0 ? (
        <Empty
          icon={Rocket}
          title="Nothing is deployed"
          action={
            create && (
              <Link {...create.link} className={buttonClass("primary")}>
                {create.label}
              </Link>
            )
          }
        >
          A deployment runs a version of a model on a target and gives it an address.
        </Empty>
      ) : (
        <div className="relative overflow-x-auto">
          <table className="w-full text-left" aria-label={plural(rows.length, "deployment")}>
            <thead>
              <tr className="border-b border-line bg-sunken">
                {columns.map((column, i) => (
                  <th key={column} scope="col" className={cx("eyebrow h-8 px-4", i > 2 && "max-md:hidden")}>
                    {column}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <tr key={row.id} className="h-10 border-b border-line last:border-0 hover:bg-hover">
                  <td className="px-4">
                    <ObjectLink kind="deployment" name={row.name} className="font-medium [a&]:hover:underline">
                      {row.name}
                    </ObjectLink>
                  </td>
                  <td className="px-4">
                    <Status state={deploymentState(row.state)} />
                  </td>
                  <td className="tnum px-4 text-fg-2">
                    {row.replicas_ready} of {row.replicas_desired}
                  </td>
                  <td className="px-4 font-mono text-xs text-fg-2 max-md:hidden">
                    {row.model}:v{row.version_number}
                  </td>
                  <td className="px-4 text-fg-2 max-md:hidden">{row.environment}</td>
                  <td className="tnum px-4 text-fg-2 max-md:hidden">
                    <Time value={row.updated_at} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  );
}
