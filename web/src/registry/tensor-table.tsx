import { Grid3x3 } from "lucide-react";
import type { Schema } from "@/api/client";
import { useList } from "@/api/queries";
import { Failure } from "@/identity/failure";
import { Badge } from "@/kit/badge";
import { Card, CardHead } from "@/kit/card";
import { type Column, DataTable } from "@/kit/data-table";
import { Empty } from "@/kit/states";
import { bytes, count, plural } from "@/lib/format";
import type { Model } from "./queries";

type Tensor = Schema<"VersionTensor">;

const elements = (tensor: Tensor) => tensor.shape.reduce((product, size) => product * size, 1);

const columns: Column<Tensor>[] = [
  {
    id: "name",
    header: "Tensor",
    width: "minmax(14rem, 2.4fr)",
    cell: (tensor) => (
      <span className="truncate font-mono text-xs" title={tensor.name}>
        {tensor.name}
      </span>
    ),
  },
  { id: "dtype", header: "Type", width: "6rem", card: "aside", cell: (tensor) => <Badge mono>{tensor.dtype}</Badge> },
  {
    id: "shape",
    header: "Shape",
    width: "minmax(8rem, 1fr)",
    cell: (tensor) => <span className="tnum text-fg-2">{tensor.shape.join(" × ") || "scalar"}</span>,
  },
  {
    id: "elements",
    yields: 2,
    header: "Elements",
    width: "8rem",
    align: "end",
    cell: (tensor) => <span className="text-fg-2">{count(elements(tensor))}</span>,
  },
  {
    id: "size",
    header: "Size",
    width: "6rem",
    align: "end",
    cell: (tensor) => (
      <span className="text-fg-2">{tensor.size_bytes === undefined ? "" : bytes(tensor.size_bytes)}</span>
    ),
  },
  {
    id: "file",
    yields: 1,
    header: "File",
    optional: true,
    cell: (tensor) => <span className="truncate font-mono text-xs text-fg-2">{tensor.file}</span>,
  },
];

/** The tensors of a version, read from the headers of its files. */
export function TensorTable({ model, version }: { model: Model; version: number }) {
  const tensors = useList("/api/v1/models/{model}/versions/{version}/tensors", {
    path: { model: model.id, version },
    query: { page_size: 200 },
  });
  const rows = tensors.data;
  return (
    <Card aria-label="Tensors" className="flex h-[32rem] flex-col overflow-hidden">
      <CardHead
        title="Tensors"
        sub={
          rows && rows.length > 0 ? plural(rows.length, "tensor") + (tensors.hasNextPage ? " so far" : "") : undefined
        }
      />
      <DataTable
        label="Tensors"
        columns={columns}
        rows={rows}
        rowId={(tensor) => `${tensor.file}/${tensor.name}`}
        paging={tensors}
        rowHeight={32}
        resetKey={`${model.id}/${version}`}
        error={
          tensors.error &&
          !tensors.data && (
            <Failure
              error={tensors.error}
              title="The tensors could not be read"
              onRetry={() => void tensors.refetch()}
            />
          )
        }
        empty={
          <Empty icon={Grid3x3} title="No tensors are listed">
            Headers of safetensors, GGUF and ONNX files name their tensors; these files have none of them.
          </Empty>
        }
      />
    </Card>
  );
}
