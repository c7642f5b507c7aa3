import { ScrollText } from "lucide-react";
import { useEffect, useState, useSyncExternalStore } from "react";
import type { Schema } from "@/api/client";
import { Failure } from "@/identity/failure";
import { Button } from "@/kit/button";
import { Card } from "@/kit/card";
import { useLogVersion } from "@/kit/log-buffer";
import { LogViewer } from "@/kit/log-viewer";
import { Empty, Loading } from "@/kit/states";
import { machineState, operationState, Status } from "@/kit/status";
import { count } from "@/lib/format";
import { type FeedState, type LogFeed, logFeed, pageSize } from "./log-feed";

type Deployment = Schema<"Deployment">;

/** What its engines write, while they write it. */
export function LogsTab({ deployment }: { deployment: Deployment }) {
  return <Log key={deployment.id} deployment={deployment} />;
}

/** Identifiers differ at their end; in front is the time. */
export const shortReplica = (id: string) => (id.startsWith("rep_") ? id.slice(-8) : id);

function Log({ deployment }: { deployment: Deployment }) {
  const [feed] = useState(() => logFeed(deployment.id));
  const state = useSyncExternalStore(feed.subscribe, feed.current);
  useLogVersion(feed.buffer); // the note speaks of it
  useEffect(() => {
    feed.start();
    return () => feed.stop();
  }, [feed]);
  return (
    <Card aria-label="Log" className="flex h-[max(28rem,calc(100dvh-15rem))] flex-col overflow-hidden pt-3">
      {feed.buffer.lines.length > 0 && <Note state={state} feed={feed} />}
      <LogViewer
        label={`Log of ${deployment.name}`}
        buffer={feed.buffer}
        sourceName="Replica"
        showSource={shortReplica}
        fileName={`${deployment.name}.log`}
        live={state.phase === "live" || state.phase === "reconnecting"}
        empty={<NoLines state={state} feed={feed} deployment={deployment} />}
      />
    </Card>
  );
}

function Note({ state, feed }: { state: FeedState; feed: LogFeed }) {
  const note =
    state.phase === "reconnecting" ? (
      <Status state={operationState("running")} label="Reconnecting: what is written meanwhile will follow" />
    ) : state.phase === "gone" ? (
      <Status state={operationState("cancelled")} label="The deployment has been deleted; nothing follows" />
    ) : state.phase === "failed" ? (
      <>
        <Status state={machineState("offline")} label="The log cannot be followed now" />
        <Button size="sm" onClick={feed.retry}>
          Retry
        </Button>
      </>
    ) : state.older ? (
      <>
        <span>The newest {count(pageSize)} lines, and what follows</span>
        <Button size="sm" onClick={feed.fromOldest}>
          Show all that are kept
        </Button>
      </>
    ) : null;
  return (
    <div role="status" className="flex flex-wrap items-center gap-2 px-4 text-xs text-fg-2 not-empty:pb-3 md:px-6">
      {note}
    </div>
  );
}

type NoLinesProps = { state: FeedState; feed: LogFeed; deployment: Deployment };

function NoLines({ state, feed, deployment }: NoLinesProps) {
  if (state.phase === "loading") return <Loading label="The log loads" lines={8} />;
  if (state.phase === "failed")
    return <Failure error={state.error} title="The log could not be read" what="deployment" onRetry={feed.retry} />;
  const begins = deployment.state === "pending" || deployment.state === "provisioning";
  return (
    <Empty icon={ScrollText} title="Nothing has been written yet">
      {begins
        ? "Its lines come here as soon as an engine has started."
        : "What its engines write to standard output and standard error comes here."}
    </Empty>
  );
}
