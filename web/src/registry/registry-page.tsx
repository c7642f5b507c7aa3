import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Boxes, Plus } from "lucide-react";
import { and, contains, eq, oneOf, or, tag } from "@/api/filter";
import { $api, useList } from "@/api/queries";
import { useSession } from "@/identity/session";
import { Badge } from "@/kit/badge";
import { buttonClass } from "@/kit/button";
import type { Column } from "@/kit/data-table";
import { Select } from "@/kit/select";
import { Empty } from "@/kit/states";
import { Status, versionApproval } from "@/kit/status";
import { Time } from "@/kit/time";
import { compact } from "@/lib/format";
import { ListPage } from "@/shell/list-page";
import { engineName } from "@/targets/queries";
import { formatName, interfaceName, interfaces, type Model, useEngines, visibilities } from "./queries";

const approvals = ["none", "pending", "approved", "rejected"] as const;

const approvalOptions = approvals.map((value) => ({ value, label: <Status state={versionApproval(value)} /> }));
const none: string[] = [];
const everything = {
  q: "",
  interface: none,
  approval: none,
  engine: none,
  visibility: none,
  tag: undefined as string | undefined,
};

const columns: Column<Model>[] = [
  {
    id: "model",
    header: "Model",
    width: "minmax(13rem, 2.2fr)",
    sort: "name",
    cell: (model) => (
      <span className="block min-w-0 leading-4.5">
        <span className="block truncate font-medium">{model.display_name || model.name}</span>
        <span className="block truncate font-mono text-2xs text-fg-3">{model.name}</span>
      </span>
    ),
  },
  {
    id: "version",
    header: "Latest",
    width: "4.5rem",
    card: "aside",
    cell: (model) =>
      model.latest_version > 0 ? (
        <span className="font-mono text-xs">v{model.latest_version}</span>
      ) : (
        <span className="text-fg-3">None</span>
      ),
  },
  {
    id: "approval",
    header: "Approval",
    width: "minmax(9.5rem, 1fr)",
    cell: (model) =>
      model.latest_version > 0 && (
        <span className="flex min-w-0 items-center gap-1.5 overflow-hidden">
          <Status state={versionApproval(model.latest_approval)} className="shrink-0" />
          {Object.keys(model.aliases)
            .filter((alias) => alias !== "latest-approved")
            .slice(0, 1)
            .map((alias) => (
              <Badge key={alias}>{alias}</Badge>
            ))}
        </span>
      ),
  },
  {
    id: "interface",
    yields: 3,
    header: "Interface",
    width: "6.5rem",
    cell: (model) => <span className="text-fg-2">{interfaceName(model.interface)}</span>,
  },
  {
    id: "engine",
    yields: 5,
    header: "Engine",
    width: "minmax(8rem, 1fr)",
    cell: (model) => (
      <span className="truncate text-fg-2">
        {model.engine ? engineName(model.engine) : "Not known"}
        {model.parameter_count !== undefined && <span className="text-fg-3"> · {compact(model.parameter_count)}</span>}
      </span>
    ),
  },
  {
    id: "tags",
    yields: 4,
    header: "Tags",
    width: "minmax(8rem, 1.2fr)",
    card: "none",
    cell: (model) => <TagList tags={model.tags} />,
  },
  {
    id: "framework",
    header: "Framework",
    optional: true,
    cell: (model) => <span className="truncate text-fg-2">{model.framework && formatName(model.framework)}</span>,
  },
  {
    id: "license",
    yields: 2,
    header: "License",
    width: "minmax(6rem, .7fr)",
    cell: (model) =>
      model.license ? (
        <span className="truncate text-fg-2">{model.license}</span>
      ) : (
        <span className="text-fg-3">None found</span>
      ),
  },
  {
    id: "visibility",
    yields: 1,
    header: "Visibility",
    width: "7rem",
    cell: (model) => (
      <span className="text-fg-2">{visibilities.find((one) => one.value === model.visibility)?.label}</span>
    ),
  },
  {
    id: "created",
    header: "Created",
    width: "6rem",
    sort: "created_at",
    descendingFirst: true,
    optional: true,
    cell: (model) => <Time value={model.created_at} className="tnum text-fg-2" />,
  },
  {
    id: "updated",
    header: "Updated",
    width: "6rem",
    sort: "updated_at",
    descendingFirst: true,
    cell: (model) => <Time value={model.updated_at} className="tnum text-fg-2" />,
  },
];

export function RegistryPage() {
  const search = useSearch({ from: "/modelops/registry/" });
  const { q = "", scope, engine = none, visibility = none, approval = none, tag: tagged } = search;
  const { interface: kinds = none, order = "updated_at desc" } = search;
  const navigate = useNavigate({ from: "/modelops/registry/" });
  const set = (change: typeof search) =>
    void navigate({ search: (before) => ({ ...before, ...change }), replace: true });
  const { may } = useSession();
  const engines = useEngines();
  const [tagKey, tagValue] = tagged?.split("=") ?? [];
  const found = q ? or(contains("name", q), contains("display_name", q)) : undefined;
  const models = useList("/api/v1/models", {
    query: {
      ...(scope && { scope }),
      filter: and(
        found,
        oneOf("interface", kinds),
        oneOf("engine", engine),
        oneOf("visibility", visibility),
        oneOf("latest_approval", approval),
        tagKey && eq(tag(tagKey), tagValue ?? ""),
      ),
      order_by: order,
      page_size: 100,
    },
  });
  const facets = $api.useQuery(
    "get",
    "/api/v1/models/facets",
    { params: { query: { ...(scope && { scope }), ...(found && { filter: found }) } } },
    { staleTime: 60_000 },
  );
  const countOf = (field: string, value: string) =>
    facets.data?.facets.find((facet) => facet.field === field)?.values.find((one) => one.value === value)?.count ?? 0;
  const counted = <T extends { value: string }>(field: string, options: readonly T[]) =>
    options.map((one) => ({ ...one, count: facets.data && countOf(field, one.value) }));
  const register = may("models:write") && (
    <Link to="/modelops/register-model" className={buttonClass("primary")}>
      <Plus aria-hidden className="size-4" />
      Register model
    </Link>
  );

  return (
    <ListPage
      title="Model registry"
      description={
        scope ? "Public models of the whole installation, to read and deploy." : "Models of this organization."
      }
      actions={register}
      what="model"
      placeholder="Filter by name"
      list={models}
      which={scope}
      total={facets.data?.total}
      columns={columns}
      search={{ q, interface: kinds, approval, engine, visibility, tag: tagged }}
      everything={everything}
      onSearch={set}
      facets={[
        { name: "interface", label: "Interface", options: counted("interface", interfaces) },
        { name: "approval", label: "Approval", options: counted("latest_approval", approvalOptions) },
        {
          name: "engine",
          label: "Engine",
          options: counted(
            "engine",
            (engines.data?.items ?? []).map((one) => ({ value: one.id, label: engineName(one.id) })),
          ),
        },
        { name: "visibility", label: "Visibility", options: counted("visibility", visibilities) },
      ]}
      controls={
        <Select
          label="Scope"
          value={scope ?? "organization"}
          onChange={(next) => set({ scope: next === "public" ? "public" : undefined })}
          options={[
            { value: "organization", label: "Our models" },
            { value: "public", label: "Public models" },
          ]}
        />
      }
      note={
        tagged && (
          <>
            Tagged <Badge mono>{tagged}</Badge>
            <button type="button" className="underline" onClick={() => set({ tag: undefined })}>
              Show all
            </button>
          </>
        )
      }
      orderBy={order}
      onOrderBy={(next) => set({ order: next })}
      onOpen={(model) =>
        void navigate({ to: "/modelops/registry/$model", params: { model: scope ? model.id : model.name } })
      }
      empty={
        scope ? (
          <Empty icon={Boxes} title="No model is public">
            An owner makes a model public by its visibility; everybody signed in may then read and deploy it.
          </Empty>
        ) : (
          <Empty icon={Boxes} title="No model is registered yet" action={register}>
            Drop a model's files: they are analysed without being run, and you see what they are.
          </Empty>
        )
      }
    />
  );
}

function TagList({ tags }: { tags: Record<string, string> }) {
  const all = Object.entries(tags).map(([key, value]) => (value ? `${key}=${value}` : key));
  return (
    <span className="flex min-w-0 items-center gap-1 overflow-hidden">
      {all.slice(0, 2).map((one) => (
        <Link
          key={one}
          to="/modelops/registry"
          search={{ tag: one }}
          tabIndex={-1}
          aria-label={`Only models tagged ${one}`}
          className="flex min-w-0"
        >
          <Badge mono>{one}</Badge>
        </Link>
      ))}
      {all.length > 2 && (
        <span className="shrink-0 text-xs text-fg-3" title={all.join(", ")}>
          +{all.length - 2}
        </span>
      )}
    </span>
  );
}
