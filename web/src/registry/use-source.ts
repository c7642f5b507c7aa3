import { useRef, useState } from "react";
import { api, body } from "@/api/client";
import { $api } from "@/api/queries";
import type { DroppedFile, FileProgress } from "@/kit/file-drop";
import type { SourceAnalysis } from "./queries";
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
  choose: (files: DroppedFile[]) => void;
  cancel: () => void;
};

/**
 * Files on their way to becoming a source: uploaded as soon as they are chosen, then analysed. What was uploaded is
 * named by `kept`, which survives a reload; other files make another upload.
 */
export function useSource(kept: Kept, onKept: (kept: Kept) => void): SourceFiles {
  const [files, setFiles] = useState<readonly DroppedFile[]>([]);
  const [progress, setProgress] = useState<Record<string, FileProgress>>({});
  const [uploading, setUploading] = useState(false);
  const [error, setError] = useState<unknown>();
  const running = useRef<AbortController>(null);
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
    const { id } = await body(api.POST("/api/v1/uploads", { body: { name: chosen[0]?.path.slice(0, 128) ?? "" } }));
    for (const { path, file } of chosen) {
      const set = (now: FileProgress) => setProgress((before) => ({ ...before, [path]: now }));
      set({ state: "running", value: 0 });
      try {
        await sendFile({
          upload_id: id,
          path,
          file,
          signal,
          onProgress: (sent) => set({ state: "running", value: file.size ? sent / file.size : 1 }),
        });
      } catch (thrown) {
        set({ state: "failed" });
        throw thrown;
      }
      set({ state: "done" });
    }
    const started = await body(api.POST("/api/v1/models/analyze", { body: { upload_id: id } }));
    onKept({ upload_id: id, operation_id: (started as { id: string }).id });
  };

  const choose = (chosen: DroppedFile[]) => {
    running.current?.abort();
    setFiles(chosen);
    setError(undefined);
    setProgress(Object.fromEntries(chosen.map(({ path }) => [path, { state: "waiting" as const }])));
    onKept({ upload_id: "", operation_id: "" });
    if (chosen.length === 0) return setUploading(false);
    const controller = new AbortController();
    running.current = controller;
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
    choose,
    cancel,
  };
}

const isRunning = (state: string) => state === "pending" || state === "running";
const endedBadly = (state: string) => state === "failed" || state === "cancelled";
