import type { ReactNode } from "react";
import { problemOf } from "@/api/problem";
import { Loaded } from "@/identity/loaded";
import { Badge } from "@/kit/badge";
import { Notice } from "@/kit/notice";
import { severity } from "@/kit/status";
import { bytes, compact, count, plural } from "@/lib/format";
import { engineName } from "@/targets/queries";
import { type Analysis, type AnalysisWarning, formatName, interfaceName } from "./queries";

const sizes = { tiny: "Tiny", small: "Small", medium: "Medium", large: "Large", xlarge: "Very large" };
const storage = {
  embed: "In the image",
  volume: "On a disk beside the engine",
  stream: "Read from the store while loading",
};

/** What the files are, as analysis read them. */
export function AnalysisFacts({ analysis, full = false }: { analysis: Analysis; full?: boolean }) {
  const rows: [string, ReactNode][] = [
    ["Format", formatName(analysis.format)],
    ["Framework", formatName(analysis.framework)],
    ["Architecture", analysis.architecture],
    ["Parameters", analysis.parameter_count !== undefined && compact(analysis.parameter_count)],
    ["Quantization", analysis.quantization],
    ["Type of weights", full && analysis.dtype],
    ["Context", analysis.context_length !== undefined && `${count(analysis.context_length)} tokens`],
    ["Files", `${plural(analysis.file_count, "file")}, ${bytes(analysis.size_bytes)}`],
    ["Size class", sizes[analysis.size_class]],
    ["Storage", storage[analysis.storage_strategy]],
    ["Interface", interfaceName(analysis.interface)],
    ["Task", full && analysis.task],
    ["Engine", analysis.recommended_engine && engineName(analysis.recommended_engine)],
    ["Or", full && analysis.alternative_engines.map(engineName).join(", ")],
    ["Needs", analysis.dependencies.join(", ")],
    ["License", analysis.license ?? <span className="text-warn-fg">None found</span>],
    ["Made from", full && analysis.base_models.join(", ")],
    ["Made by", full && analysis.producer],
    ["Chat template", full && analysis.interface === "chat" && (analysis.chat_template ? "Yes" : "None")],
  ];
  return (
    <dl className="grid grid-cols-[7rem_minmax(0,1fr)] gap-x-3 gap-y-1.5">
      {rows.map(([label, value]) =>
        value ? (
          <div key={label} className="contents">
            <dt className="text-fg-3">{label}</dt>
            <dd className="min-w-0 wrap-anywhere">{value}</dd>
          </div>
        ) : null,
      )}
    </dl>
  );
}

type AnalysisOfProps = {
  query: { data: Analysis | undefined; error: unknown; refetch: () => unknown };
  children: (analysis: Analysis) => ReactNode;
};

/** An analysis that is read: files that were registered without one have none. */
export function AnalysisOf({ query, children }: AnalysisOfProps) {
  if (query.error && problemOf(query.error).status === 404)
    return <p className="text-fg-2">Its files have not been analysed yet.</p>;
  return (
    <Loaded query={query} what="The analysis">
      {children}
    </Loaded>
  );
}

/** What a person should know before using it, the gravest first. */
export function AnalysisWarnings({ warnings }: { warnings: readonly AnalysisWarning[] }) {
  const order = ["danger", "warning", "info"] as const;
  const sorted = warnings.toSorted((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
  if (sorted.length === 0) return null;
  return (
    <ul className="grid gap-2" aria-label="Warnings of the analysis">
      {sorted.map((warning) => (
        <li key={warning.code + (warning.file ?? "")}>
          <Notice state={severity(warning.severity)} title={warning.message}>
            {warning.file && <span className="font-mono">{warning.file}</span>}
          </Notice>
        </li>
      ))}
    </ul>
  );
}

type Port = Analysis["inputs"][number];

const shapeOf = (port: Port) =>
  port.shape.map((size, i) => (size < 0 ? port.dim_names[i] || "any" : String(size))).join(" × ") || "scalar";

/** Inputs and outputs of a model whose format names them. */
export function TensorPorts({ label, ports }: { label: string; ports: readonly Port[] }) {
  if (ports.length === 0) return null;
  return (
    <div>
      <h3 className="eyebrow mb-1.5">{label}</h3>
      <ul className="grid gap-1">
        {ports.map((port) => (
          <li key={port.name} className="flex flex-wrap items-center gap-x-2">
            <code className="font-mono text-xs">{port.name}</code>
            <Badge mono>{port.dtype}</Badge>
            <span className="tnum text-xs text-fg-2">{shapeOf(port)}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
