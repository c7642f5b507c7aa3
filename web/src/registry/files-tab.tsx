import { Download, FileBox } from "lucide-react";
import { useMemo } from "react";
import { $api, useList } from "@/api/queries";
import { Loaded } from "@/identity/loaded";
import { buttonClass } from "@/kit/button";
import { Card, CardHead } from "@/kit/card";
import { CopyText } from "@/kit/copy-text";
import { Select } from "@/kit/select";
import { Empty } from "@/kit/states";
import { bytes, plural } from "@/lib/format";
import type { Model } from "./queries";
import { TensorTable } from "./tensor-table";

type FilesTabProps = { model: Model; version: number | undefined; onVersion: (version: number) => void };

/** The files of one version, and the tensors in them. */
export function FilesTab({ model, version: wanted, onVersion }: FilesTabProps) {
  const version = wanted ?? model.latest_version;
  const versions = useList("/api/v1/models/{model}/versions", { path: { model: model.id }, query: { page_size: 100 } });
  const path = { model: model.id, version };
  const files = $api.useQuery(
    "get",
    "/api/v1/models/{model}/versions/{version}/files",
    { params: { path } },
    { enabled: version > 0 },
  );
  const total = useMemo(() => files.data?.items.reduce((sum, file) => sum + file.size_bytes, 0) ?? 0, [files.data]);
  if (version === 0)
    return (
      <Empty icon={FileBox} title="There are no files yet">
        Files come with the first version.
      </Empty>
    );
  return (
    <div className="grid gap-4">
      <Card aria-label="Files">
        <CardHead title="Files" sub={files.data && `${plural(files.data.items.length, "file")}, ${bytes(total)}`}>
          <Select
            label="Version"
            prefix="Version"
            value={String(version)}
            onChange={(next) => onVersion(Number(next))}
            options={(versions.data ?? [{ version }]).map((one) => ({
              value: String(one.version),
              label: `v${one.version}`,
            }))}
          />
        </CardHead>
        <Loaded query={files} what="The files" one="version">
          {({ digest, items }) => (
            <>
              <p className="flex flex-wrap items-center gap-x-2 border-b border-line px-4 py-2 text-xs text-fg-2">
                Digest of the manifest
                <CopyText text={digest} />
              </p>
              <ul className="max-h-[26rem] overflow-y-auto">
                {items.map((file) => (
                  <li
                    key={file.path}
                    className="flex min-h-10 flex-wrap items-center gap-x-4 border-b border-line px-4 py-1.5 last:border-0"
                  >
                    <span className="min-w-40 flex-1 font-mono text-xs wrap-anywhere">{file.path}</span>
                    <CopyText text={file.sha256}>{file.sha256.slice(0, 12)}</CopyText>
                    <span className="tnum w-20 text-right text-xs text-fg-2">{bytes(file.size_bytes)}</span>
                    <a
                      href={`/api/v1/models/${model.id}/versions/${version}/files/${file.sha256}`}
                      download={file.path.split("/").pop()}
                      className={buttonClass("ghost", "sm")}
                      aria-label={`Download ${file.path}`}
                    >
                      <Download aria-hidden className="size-3.5" />
                    </a>
                  </li>
                ))}
              </ul>
            </>
          )}
        </Loaded>
      </Card>
      {files.data && <TensorTable model={model} version={version} />}
    </div>
  );
}
