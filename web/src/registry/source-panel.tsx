import { ScanSearch } from "lucide-react";
import { Button } from "@/kit/button";
import { FileDrop } from "@/kit/file-drop";
import { Progress } from "@/kit/progress";
import { ErrorState, Loading } from "@/kit/states";
import { EvidencePanel } from "@/kit/wizard";
import { plural } from "@/lib/format";
import { AnalysisFacts, AnalysisWarnings, TensorPorts } from "./analysis";
import type { SourceFiles } from "./use-source";

/** Why a wizard cannot go on before its source is known. */
export const blockedBy: Record<SourceFiles["state"], string | undefined> = {
  empty: "Choose the model's files first.",
  restoring: undefined,
  uploading: "The files are on their way.",
  analyzing: "The files are being analysed.",
  analyzed: undefined,
  failed: "Choose files that can be read.",
};

const flowName: Record<SourceFiles["flow"], string> = {
  sending: "Uploading",
  waiting: "Connection lost. The upload goes on by itself",
  finishing: "The server still works on what was sent",
  paused: "Paused",
};

/** Choosing files: they are uploaded and analysed at once. */
export function SourceDrop({ source, error }: { source: SourceFiles; error?: string }) {
  const restored = source.files.length === 0 && source.result !== undefined;
  return (
    <>
      <FileDrop
        label="Model files"
        hint="ONNX, GGUF or safetensors with config.json; also one ZIP or tar.gz of them. Nothing in them is run."
        files={source.files}
        onChange={source.choose}
        progress={source.progress}
        locked={source.state === "uploading" || source.state === "analyzing"}
        error={error}
      />
      {restored && (
        <p className="text-fg-2">
          {plural(source.result?.analysis.file_count ?? 0, "file")} uploaded before. Choosing others replaces them.
        </p>
      )}
      {(source.state === "uploading" || source.state === "analyzing") && (
        <div className="flex flex-wrap items-center gap-3">
          <span className="min-w-0 flex-1 basis-64">
            <Progress
              label={source.state === "uploading" ? flowName[source.flow] : source.step || "Analysing"}
              value={source.state === "uploading" ? fractionOf(source) : source.fraction}
            />
          </span>
          {source.state === "uploading" && (
            <Button size="sm" onClick={source.flow === "paused" ? source.resume : source.pause}>
              {source.flow === "paused" ? "Resume" : "Pause"}
            </Button>
          )}
          <Button size="sm" onClick={source.cancel}>
            Cancel
          </Button>
        </div>
      )}
    </>
  );
}

function fractionOf({ files, progress }: SourceFiles): number {
  const total = files.reduce((sum, { file }) => sum + file.size, 0);
  const sent = files.reduce((sum, { path, file }) => {
    const now = progress[path];
    return sum + file.size * (now?.state === "done" ? 1 : (now?.value ?? 0));
  }, 0);
  return total === 0 ? 0 : sent / total;
}

/** What is known of the source so far, beside the wizard. */
export function SourceEvidence({ source }: { source: SourceFiles }) {
  const analysis = source.result?.analysis;
  return (
    <EvidencePanel title="Source analysis" note={analysis?.name}>
      <div aria-live="polite" className="grid gap-4">
        {source.state === "failed" ? (
          <ErrorState error={source.error} title="The files could not be read" />
        ) : source.state === "restoring" ? (
          <Loading label="The analysis loads" />
        ) : analysis ? (
          <>
            <AnalysisFacts analysis={analysis} />
            <TensorPorts label="Inputs" ports={analysis.inputs} />
            <TensorPorts label="Outputs" ports={analysis.outputs} />
            <AnalysisWarnings warnings={analysis.warnings} />
          </>
        ) : (
          <p className="flex items-start gap-2 text-fg-2">
            <ScanSearch aria-hidden className="mt-0.5 size-4 shrink-0 text-fg-3" />
            {source.state === "empty"
              ? "Once files are here, this tells what they are: format, parameters, engine, licence, and what to beware of."
              : (blockedBy[source.state] ?? "")}
          </p>
        )}
      </div>
    </EvidencePanel>
  );
}
