import type { Schema } from "@/api/client";

export type Target = Schema<"Target">;
export type Gateway = Schema<"Gateway">;

type Complete<T> = T extends (infer Item)[]
  ? Complete<Item>[]
  : T extends object
    ? { [Key in keyof T]-?: Complete<NonNullable<T[Key]>> }
    : T;

/** Answers hold every member of an inventory; only an agent's report may leave some out. */
export const inventoryOf = (target: Target) => target.inventory as Complete<Schema<"Inventory">>;

/** How an agent or a gateway is started with its one-use token; the API is at this page's own origin too. */
export const startCommand = (program: "agent" | "gateway", token: string) =>
  `MODELOPS_ENROLLMENT_TOKEN=${token} modelops ${program} --server ${location.origin} --state ./${program}`;

const engineWords: Record<string, string> = {
  onnxruntime: "ONNX Runtime",
  llama_cpp: "llama.cpp",
  vllm: "vLLM",
  sglang: "SGLang",
  tgi: "Text Generation Inference",
  tei: "Text Embeddings Inference",
  triton: "Triton Inference Server",
};

/** The name that people know an engine of the catalogue by. */
export const engineName = (id: string) => engineWords[id] ?? id;
