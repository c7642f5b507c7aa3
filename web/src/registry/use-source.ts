import { useRef, useState } from "react";
import { api, body, type Schema } from "@/api/client";
import { Problem } from "@/api/problem";
import { $api } from "@/api/queries";
import type { DroppedFile, FileProgress } from "@/kit/file-drop";
import type { SourceAnalysis } from "./queries";
import { rememberedUpload } from "./remembered-upload";
import { sendFile } from "./send-file";

/** restoring: what was kept is read again, after a reload. */
export type SourceState = "empty" | "restoring" | "uploading" | "analyzing" | "analyzed" | "failed";

type Kept = { upload_id: string; operation_id: string };

export type SourceFiles = {
  files: readonly DroppedFile[];
  progress: Record<string, FileProgress>;
  state: SourceState;
  error: unknown;
  result: SourceAnalysis | undefined;
  /** How far the analysis is, 0 to 1, where it is known. */
  fraction: number | null;
  step: string;
  /** sending, or why not: waiting for the connection and for the server goes on by itself, paused does not. */
  flow: "sending" | "waiting" | "finishing" | "paused";
  choose: (files: DroppedFile[]) => void;
  pause: () => void;
  resume: () => void;
  cancel: () => void;
};

type Control = { pause: () => void; resume: () => void };

/**
 * Files on their way to becoming a source: uploaded as soon as they are chosen, then analysed. What was uploaded is
 * named by `kept`, which survives a reload; other files make another upload.
 */
export function useSource(kept: Kept, onKept: (kept: Kept) => void): SourceFiles {
  const [files, setFiles] = useState<readonly DroppedFile[]>([]);
  const [progress, setProgress] = useState<Record<string, FileProgress>>({});
  const [uploading, setUploading] = useState(false);
  const [error, setError] = useState<unknown>();
  const [flow, setFlow] = useState<SourceFiles["flow"]>("sending");
  const running = useRef<AbortController>(null);
  const control = useRef<Control>(null);
  const operation = $api.useQuery(
    "get",
    "/api/v1/operations/{operation}",
    { params: { path: { operation: kept.operation_id } } },
    {
      enabled: kept.operation_id !== "",
      refetchInterval: ({ state }) => (state.data && !isRunning(state.data.state) ? false : 500),
    },
  );

  const upload = async (chosen: readonly DroppedFile[], signal: AbortSignal) => {
    const begun = (await begunBefore(chosen)) ?? (await begin(chosen));
    rememberedUpload.keep(chosen, begun.id);
    const unpack = chosen.length === 1 && isArchive(chosen[0]!.path);
    for (const { path, file } of chosen) {
      if (signal.aborted) return;
      const set = (now: FileProgress) => setProgress((before) => ({ ...before, [path]: now }));
      if (!begun.files.some((there) => there.path === path && there.size_bytes === file.size)) {
        set({ state: "running", value: 0 });
        try {
          await sendFile({
            upload_id: begun.id,
            path,
            file,
            unpack,
            transfer_id: begun.transfers.find((transfer) => transfer.path === path)?.id,
            signal,
            onControl: (given) => {
              control.current = given;
            },
            onWaiting: (reason) => setFlow(reason === "server" ? "finishing" : "waiting"),
            onProgress: (sent) => {
              setFlow((before) => (before === "paused" ? before : "sending"));
              set({ state: "running", value: file.size ? sent / file.size : 1 });
            },
          });
        } catch (thrown) {
          set({ state: "failed" });
          throw thrown;
        }
      }
      set({ state: "done" });
    }
    rememberedUpload.forget(chosen);
    const started = await body(api.POST("/api/v1/models/analyze", { body: { upload_id: begun.id } }));
    onKept({ upload_id: begun.id, operation_id: (started as { id: string }).id });
  };

  const choose = (chosen: DroppedFile[]) => {
    running.current?.abort();
    control.current = null;
    setFiles(chosen);
    setError(undefined);
    setProgress(Object.fromEntries(chosen.map(({ path }) => [path, { state: "waiting" as const }])));
    onKept({ upload_id: "", operation_id: "" });
    if (chosen.length === 0) return setUploading(false);
    const controller = new AbortController();
    running.current = controller;
    setFlow("sending");
    setUploading(true);
    upload(chosen, controller.signal)
      .catch((thrown: unknown) => {
        if (!controller.signal.aborted) setError(thrown);
      })
      .finally(() => {
        if (running.current === controller) setUploading(false);
      });
  };

  const cancel = () => {
    running.current?.abort();
    if (kept.operation_id && operation.data && isRunning(operation.data.state))
      void api.POST("/api/v1/operations/{operation}/cancel", { params: { path: { operation: kept.operation_id } } });
    choose([]);
  };

  const pause = () => {
    control.current?.pause();
    setFlow("paused");
  };
  const resume = () => {
    setFlow("sending");
    control.current?.resume();
  };

  const done = operation.data;
  const failed = error ?? operation.error ?? (done && endedBadly(done.state) ? (done.problem ?? done) : undefined);
  const result = done?.state === "succeeded" ? (done.result as SourceAnalysis) : undefined;
  return {
    files,
    progress,
    state: uploading
      ? "uploading"
      : failed
        ? "failed"
        : result
          ? "analyzed"
          : !kept.operation_id
            ? "empty"
            : operation.isPending && files.length === 0
              ? "restoring"
              : "analyzing",
    error: failed,
    result,
    fraction: done?.progress ?? null,
    step: done?.step ?? "",
    flow,
    choose,
    pause,
    resume,
    cancel,
  };
}

const begin = (chosen: readonly DroppedFile[]) =>
  body(api.POST("/api/v1/uploads", { body: { name: chosen[0]?.path.slice(0, 128) ?? "" } }));

/** The same files, on their way before the page was closed: it goes on where they stood. */
async function begunBefore(chosen: readonly DroppedFile[]): Promise<Schema<"Upload"> | undefined> {
  const id = rememberedUpload.of(chosen);
  if (!id) return undefined;
  try {
    const found = await body(api.GET("/api/v1/uploads/{upload}", { params: { path: { upload: id } } }));
    return found.state === "open" ? found : undefined;
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return undefined;
    throw error;
  }
}

const isArchive = (path: string) => /\.(zip|tar|tar\.gz|tgz)$/i.test(path);
const isRunning = (state: string) => state === "pending" || state === "running";
const endedBadly = (state: string) => state === "failed" || state === "cancelled";
