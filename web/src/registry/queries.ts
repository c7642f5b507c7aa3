import type { Schema } from "@/api/client";
import { $api } from "@/api/queries";

export type Model = Schema<"Model">;
export type ModelVersion = Schema<"ModelVersion">;
export type Analysis = Schema<"Analysis">;
export type AnalysisWarning = Schema<"AnalysisWarning">;

/** What the operation model.analyze ends with. */
export type SourceAnalysis = { upload_id: string; digest: string; analysis: Analysis };

export const useEngines = () => $api.useQuery("get", "/api/v1/engines", {}, { staleTime: 5 * 60_000 });

export const interfaces = [
  { value: "chat", label: "Chat", hint: "OpenAI-compatible chat completions" },
  { value: "completion", label: "Completion", hint: "A text that is gone on with" },
  { value: "embedding", label: "Embedding", hint: "A text turned into a vector" },
  { value: "custom", label: "Custom", hint: "Tensors in, tensors out" },
] as const;
export type Interface = (typeof interfaces)[number]["value"];
export const interfaceName = (value: Interface | undefined) =>
  interfaces.find((one) => one.value === value)?.label ?? "Not known";

export const visibilities = [
  { value: "private", label: "Private", hint: "You, and those who see all" },
  { value: "team", label: "Team", hint: "One of your teams" },
  { value: "organization", label: "Organization", hint: "Everybody here" },
  { value: "public", label: "Public", hint: "Everybody signed in, read only" },
] as const;
export type Visibility = (typeof visibilities)[number]["value"];

const formats: Record<string, string> = {
  onnx: "ONNX",
  gguf: "GGUF",
  safetensors: "safetensors",
  pytorch_zip: "PyTorch",
  torchscript: "TorchScript",
  saved_model: "TensorFlow SavedModel",
  tflite: "TensorFlow Lite",
  keras_zip: "Keras",
  hdf5: "HDF5",
  numpy: "NumPy",
  numpy_zip: "NumPy",
  xgboost_json: "XGBoost",
  xgboost_ubjson: "XGBoost",
  pickle: "pickle",
  joblib: "joblib",
  transformers: "Transformers",
  pytorch: "PyTorch",
  tensorflow: "TensorFlow",
  sklearn: "scikit-learn",
  xgboost: "XGBoost",
};
/** The usual way to write the name of a format or framework. */
export const formatName = (format: string) => formats[format] ?? format;

/** A name of the registry's made of what a file is called. */
export function nameFrom(text: string): string {
  return text
    .replace(/\.(onnx|gguf|safetensors|pt|pth|bin|pkl|joblib|keras|h5|tflite|zip|json)$/i, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 63)
    .replace(/-+$/, "");
}
