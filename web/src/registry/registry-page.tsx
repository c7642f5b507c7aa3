import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { Boxes, Plus } from "lucide-react";
import { and, contains, eq, oneOf, or, tag } from "@/api/filter";
import { $api, useList } from "@/api/queries";
import { Failure } from "@/identity/failure";
import { useSession } from "@/identity/session";
import { Badge } from "@/kit/badge";
import { buttonClass } from "@/kit/button";
import { type Column, DataTable } from "@/kit/data-table";
import { FilterBar } from "@/kit/filter-bar";
import { Page } from "@/kit/page";
import { Select } from "@/kit/select";
import { Empty, NoMatch } from "@/kit/states";
import { Status, versionApproval } from "@/kit/status";
import { Time } from "@/kit/time";
import { compact, plural } from "@/lib/format";
import { engineName } from "@/targets/queries";
import { formatName, interfaceName, interfaces, type Model, useEngines, visibilities } from "./queries";

type Search = {
  q?: string;
  scope?: "public";
  interface?: string[];
  engine?: string[];
  visibility?: string[];
  approval?: string[];
  tag?: string;
  order?: string;
};

const approvals = ["none", "pending", "approved", "rejected"] as const;

/** How many rows there are, as far as it is known. */
const resultOf = (loaded: number | undefined, more: boolean, total: number | undefined) =>
  total !== undefined
    ? plural(total, "model")
    : loaded === undefined
      ? ""
      : plural(loaded, "model") + (more ? " so far" : "");

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
  const {
    q = "",
    scope,
    interface: kinds = [],
    engine = [],
    visibility = [],
    approval = [],
    tag: tagged,
    order,
  } = search;
  const order_by = order ?? "updated_at desc";
  const navigate = useNavigate({ from: "/modelops/registry/" });
  const set = (change: Search) => void navigate({ search: (before) => ({ ...before, ...change }), replace: true });
  const clear = () => set({ q: "", interface: [], engine: [], visibility: [], approval: [], tag: undefined });
  const { may } = useSession();
  const engines = useEngines();
  const [tagKey, tagValue] = tagged?.split("=") ?? [];
  const models = useList("/api/v1/models", {
    query: {
      ...(scope && { scope }),
      filter: and(
        q && or(contains("name", q), contains("display_name", q)),
        oneOf("interface", kinds),
        oneOf("engine", engine),
        oneOf("visibility", visibility),
        oneOf("latest_approval", approval),
        tagKey && eq(tag(tagKey), tagValue ?? ""),
      ),
      order_by,
      page_size: 100,
    },
  });
  const rows = models.data;
  const found = q ? or(contains("name", q), contains("display_name", q)) : undefined;
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
  const filtered =
    q !== "" || kinds.length + engine.length + visibility.length + approval.length > 0 || tagged !== undefined;

  const register = may("models:write") && (
    <Link to="/modelops/register-model" className={buttonClass("primary")}>
      <Plus aria-hidden className="size-4" />
      Register model
    </Link>
  );

  return (
    <Page
      full
      title="Model registry"
      description={
        scope ? "Public models of the whole installation, to read and deploy." : "Models of this organization."
      }
      actions={register}
    >
      <FilterBar
        label="Filter models"
        placeholder="Filter by name"
        query={q}
        onQuery={(text) => set({ q: text })}
        facets={[
          {
            label: "Interface",
            selected: kinds,
            onChange: (chosen) => set({ interface: chosen }),
            options: counted("interface", interfaces),
          },
          {
            label: "Approval",
            selected: approval,
            onChange: (chosen) => set({ approval: chosen }),
            options: counted(
              "latest_approval",
              approvals.map((value) => ({ value, label: <Status state={versionApproval(value)} /> })),
            ),
          },
          {
            label: "Engine",
            selected: engine,
            onChange: (chosen) => set({ engine: chosen }),
            options: counted(
              "engine",
              (engines.data?.items ?? []).map((one) => ({ value: one.id, label: engineName(one.id) })),
            ),
          },
          {
            label: "Visibility",
            selected: visibility,
            onChange: (chosen) => set({ visibility: chosen }),
            options: counted("visibility", visibilities),
          },
        ]}
        result={resultOf(rows?.length, models.hasNextPage, filtered ? undefined : facets.data?.total)}
        onClear={clear}
      >
        <Select
          label="Scope"
          value={scope ?? "organization"}
          onChange={(next) => set({ scope: next === "public" ? "public" : undefined })}
          options={[
            { value: "organization", label: "Our models" },
            { value: "public", label: "Public models" },
          ]}
        />
      </FilterBar>
      {tagged && (
        <p className="flex items-center gap-2 px-4 pb-3 text-fg-2 md:px-6">
          Tagged <Badge mono>{tagged}</Badge>
          <button type="button" className="underline" onClick={() => set({ tag: undefined })}>
            Show all
          </button>
        </p>
      )}
      <DataTable
        label="Models"
        columns={columns}
        rows={rows}
        rowId={(model) => model.id}
        total={filtered ? undefined : facets.data?.total}
        paging={models}
        orderBy={order_by}
        onOrderBy={(next) => set({ order: next })}
        onOpen={(model) =>
          void navigate({ to: "/modelops/registry/$model", params: { model: scope ? model.id : model.name } })
        }
        resetKey={JSON.stringify(search)}
        error={
          models.error &&
          !models.data && (
            <Failure
              error={models.error}
              title="The models could not be loaded"
              onRetry={() => void models.refetch()}
            />
          )
        }
        empty={
          filtered ? (
            <NoMatch what="model" onClear={clear} />
          ) : scope ? (
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
    </Page>
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
