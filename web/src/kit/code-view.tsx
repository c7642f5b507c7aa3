import { Check, Copy, Download } from "lucide-react";
import { lazy, Suspense } from "react";
import { download } from "@/kit/download";
import { IconButton } from "@/kit/icon-button";
import { SkeletonText } from "@/kit/skeleton";
import { useCopy } from "@/kit/use-copy";

const CodeEditor = lazy(() => import("@/kit/code-editor"));

export type CodeLanguage = "yaml" | "json";

type CodeViewProps = {
  /** "Configuration" */
  label: string;
  value: string;
  language: CodeLanguage;
  /** Offers it as a file of this name. */
  fileName?: string;
};

/** YAML or JSON to read, search (Ctrl F) and copy. */
export function CodeView({ label, value, language, fileName }: CodeViewProps) {
  const { copied, copy, said } = useCopy();
  return (
    <section aria-label={label} className="relative min-w-0 rounded-lg border border-line bg-surface">
      <div className="absolute top-1.5 right-3 z-10 flex bg-surface">
        <IconButton label={copied ? "Copied" : `Copy ${label.toLowerCase()}`} onClick={() => void copy(value)}>
          {copied ? <Check aria-hidden className="size-4 text-ok-fg" /> : <Copy aria-hidden className="size-4" />}
        </IconButton>
        {fileName && (
          <IconButton label={`Download ${fileName}`} onClick={() => download(fileName, value)}>
            <Download aria-hidden className="size-4" />
          </IconButton>
        )}
        {said}
      </div>
      <Suspense fallback={<SkeletonText lines={8} className="p-4" />}>
        <CodeEditor label={label} value={value} language={language} />
      </Suspense>
    </section>
  );
}
