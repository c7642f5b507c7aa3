import { Link } from "@tanstack/react-router";
import { ArrowLeft, ExternalLink } from "lucide-react";
import { useState } from "react";
import { Problem } from "@/api/problem";
import { $api } from "@/api/queries";
import { Loaded } from "@/identity/loaded";
import { buttonClass } from "@/kit/button";
import { Card } from "@/kit/card";
import { CopyText } from "@/kit/copy-text";
import { Facts } from "@/kit/facts";
import { outcomeState, Status } from "@/kit/status";
import { Time } from "@/kit/time";
import { cx } from "@/lib/cx";
import { count, duration } from "@/lib/format";
import type { Deployment } from "./queries";
import { type PlacedSpan, placed, type RecentRequest, type Span } from "./spans";
import { tabLink } from "./tab-link";

/** Gateways tell of what they served every two seconds: a request that one has just made is on its way. */
const triesMax = 6;

/** One request: where its time went. */
export function RequestTrace({ deployment, id }: { deployment: Deployment; id: string }) {
  const found = $api.useQuery(
    "get",
    "/api/v1/monitoring/deployments/{deployment}/requests/{request_id}",
    { params: { path: { deployment: deployment.id, request_id: id } } },
    {
      retry: (failures, error) => error instanceof Problem && error.status === 404 && failures < triesMax,
      retryDelay: 1_500,
      staleTime: Number.POSITIVE_INFINITY,
    },
  );
  return (
    <div className="grid gap-4 [&>*]:min-w-0">
      <div>
        <Link {...tabLink(deployment, "requests")!} className={buttonClass("secondary", "sm")}>
          <ArrowLeft aria-hidden className="size-3.5" />
          All requests
        </Link>
      </div>
      {found.data ? (
        <Shown
          request={found.data.request as RecentRequest}
          spans={found.data.spans as Span[]}
          url={found.data.trace_url}
        />
      ) : (
        <Card>
          <Loaded query={found} what="The request" one="request" />
        </Card>
      )}
    </div>
  );
}

const milliseconds = (value: number | undefined) => (value === undefined ? "–" : duration(value));
const tokens = (value: number | undefined) => (value === undefined ? "–" : count(value));

function Shown({ request, spans, url }: { request: RecentRequest; spans: Span[]; url?: string | undefined }) {
  const rows = placed(spans);
  const [chosen, setChosen] = useState(rows[0]?.span_id);
  const span = rows.find(({ span_id }) => span_id === chosen);
  return (
    <>
      <Card aria-label="Request" className="p-4">
        <div className="mb-3 flex flex-wrap items-center gap-x-4 gap-y-2">
          <h2 className="font-medium wrap-anywhere">{request.name}</h2>
          <Status state={outcomeState(request)} label={`${outcomeState(request).label}, ${request.status}`} />
          {url && /^https?:/.test(url) && (
            <a href={url} target="_blank" rel="noreferrer" className={buttonClass("secondary", "sm", "ml-auto")}>
              <ExternalLink aria-hidden className="size-3.5" />
              Open the whole trace
            </a>
          )}
        </div>
        <Facts
          className="xl:grid-cols-[8rem_minmax(0,1fr)_8rem_minmax(0,1fr)]"
          facts={[
            ["Started", <Time key="t" value={request.started_at} />],
            ["Took", milliseconds(request.duration_ms)],
            ["First byte", milliseconds(request.first_byte_ms)],
            ["First token", milliseconds(request.first_token_ms)],
            ["Tokens in, out", `${tokens(request.tokens_in)}, ${tokens(request.tokens_out)}`],
            ["Replicas asked", String(request.attempts)],
            [
              "Path",
              <span key="p" className="font-mono text-xs wrap-anywhere">{`${request.method} ${request.path}`}</span>,
            ],
            ["Request", <CopyText key="r" text={request.request_id} />],
            ["Trace", <CopyText key="i" text={request.trace_id} />],
          ]}
        />
      </Card>
      <div className="grid items-start gap-4 xl:grid-cols-[minmax(0,1fr)_22rem]">
        <Card aria-label="Where the time went" className="overflow-hidden py-1.5">
          <ol>
            {rows.map((row) => (
              <li key={row.span_id}>
                <SpanRow span={row} chosen={row.span_id === chosen} onChoose={() => setChosen(row.span_id)} />
              </li>
            ))}
          </ol>
        </Card>
        {span && (
          <Card aria-label="Part" className="p-4">
            <h3 className="mb-3 font-medium wrap-anywhere">{span.name}</h3>
            <Facts
              className="grid-cols-1 gap-y-0 [&_dd]:mb-2"
              facts={[
                ["Began after", duration(span.start_ms)],
                ["Took", duration(span.duration_ms)],
                ...(span.message ? [["Failed", span.message] as const] : []),
                ...Object.entries(span.attributes).map(
                  ([name, value]) =>
                    [
                      name,
                      <span key={name} className="font-mono text-xs wrap-anywhere">
                        {value}
                      </span>,
                    ] as const,
                ),
              ]}
            />
          </Card>
        )}
      </div>
    </>
  );
}

type SpanRowProps = { span: PlacedSpan; chosen: boolean; onChoose: () => void };

function SpanRow({ span, chosen, onChoose }: SpanRowProps) {
  return (
    <button
      type="button"
      aria-pressed={chosen}
      onClick={onChoose}
      className={cx(
        "grid w-full grid-cols-[minmax(0,1fr)_4.5rem] items-center gap-x-3 gap-y-1 px-4 py-1.5 text-left hover:bg-hover",
        "sm:grid-cols-[minmax(0,14rem)_minmax(0,1fr)_4.5rem]",
        chosen && "bg-sunken",
      )}
    >
      <span className="truncate" style={{ paddingLeft: `${span.depth}rem` }}>
        {span.name}
        {span.failed && <span className="ml-2 text-xs font-medium text-bad-fg">failed</span>}
      </span>
      <span
        aria-hidden
        className="relative order-last col-span-2 h-2 rounded-full bg-sunken sm:order-none sm:col-span-1"
      >
        <span
          className={cx("absolute inset-y-0 min-w-0.5 rounded-full", span.failed ? "bg-bad" : "bg-run")}
          style={{ left: `${span.left * 100}%`, width: `${span.width * 100}%` }}
        />
      </span>
      <span className="tnum text-right text-xs text-fg-2">{duration(span.duration_ms)}</span>
    </button>
  );
}
