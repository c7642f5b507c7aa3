// Requests and answers of the Open Inference Protocol, version 2.
import type { Port, Trial } from "./try";

export type Tensor = { name: string; shape: number[]; datatype: string; data: unknown };
export type InferRequest = { inputs: Tensor[] };

const datatypes: Record<string, string> = {
  bool: "BOOL",
  uint8: "UINT8",
  uint16: "UINT16",
  uint32: "UINT32",
  uint64: "UINT64",
  int8: "INT8",
  int16: "INT16",
  int32: "INT32",
  int64: "INT64",
  float16: "FP16",
  float32: "FP32",
  float64: "FP64",
  bfloat16: "BF16",
  string: "BYTES",
};
export const datatypeOf = (dtype: string) => datatypes[dtype] ?? dtype.toUpperCase();

export const inferPath = ({ serve_path, engine_model }: Trial) =>
  `${serve_path}/v2/models/${encodeURIComponent(engine_model)}/infer`;

const product = (shape: readonly number[]) => shape.reduce((all, size) => all * size, 1);
const zeroOf = (datatype: string) => (datatype === "BYTES" ? "" : datatype === "BOOL" ? false : 0);

/** More than this is not written out. */
const prefillMax = 200_000;

/** One row of zeros for each input; where that is too much to write out, no data. */
export function zeros(ports: readonly Port[]): InferRequest {
  return {
    inputs: ports.map(({ name, dtype, shape }) => {
      const datatype = datatypeOf(dtype);
      const sizes = shape.map((size) => (size < 0 ? 1 : size));
      const elements = product(sizes);
      const data = elements > prefillMax ? [] : new Array(elements).fill(zeroOf(datatype));
      return { name, shape: sizes, datatype, data };
    }),
  };
}

/** JSON with a line for each field of a tensor, however many values it has. */
export function requestText({ inputs }: InferRequest): string {
  const tensors = inputs.map((tensor) => {
    const fields = Object.entries(tensor).map(
      ([key, value]) => `      ${JSON.stringify(key)}: ${JSON.stringify(value)}`,
    );
    return `    {\n${fields.join(",\n")}\n    }`;
  });
  return tensors.length === 0 ? '{\n  "inputs": []\n}' : `{\n  "inputs": [\n${tensors.join(",\n")}\n  ]\n}`;
}

function countLeaves(data: readonly unknown[]): number {
  let leaves = 0;
  for (const item of data) leaves += Array.isArray(item) ? countLeaves(item) : 1;
  return leaves;
}

/** What is wrong with a request that was typed; nothing when it can be sent. */
export function faultIn(text: string): string | undefined {
  let request: unknown;
  try {
    request = JSON.parse(text);
  } catch (error) {
    return `This is not JSON: ${(error as Error).message}.`;
  }
  const { inputs } = (typeof request === "object" && request !== null ? request : {}) as { inputs?: unknown };
  if (!Array.isArray(inputs)) return 'It must be an object with "inputs", a list of tensors.';
  for (const [index, input] of inputs.entries()) {
    const { name, shape, datatype, data } = (input ?? {}) as Record<string, unknown>;
    if (typeof name !== "string" || name === "") return `Input ${index + 1} has no "name".`;
    const is_shape = Array.isArray(shape) && shape.every((size) => Number.isInteger(size) && size >= 0);
    if (!is_shape) return `"shape" of ${name} must be a list of whole numbers.`;
    if (typeof datatype !== "string") return `${name} has no "datatype", such as "FP32".`;
    if (!Array.isArray(data)) return `"data" of ${name} must be a list.`;
    const has = countLeaves(data);
    const wants = product(shape as number[]);
    if (has !== wants) return `${name} has ${has} values; its shape [${shape.join(", ")}] wants ${wants}.`;
  }
  return undefined;
}

/** The outputs of an answer, if it is one of this protocol. */
export function outputsOf(answer: unknown): Tensor[] {
  const { outputs } = (typeof answer === "object" && answer !== null ? answer : {}) as { outputs?: unknown };
  return Array.isArray(outputs) ? (outputs as Tensor[]) : [];
}

export const barsMax = 20;

/** The numbers of a tensor that is one row of at most twenty; undefined for others. */
export function vectorOf({ shape, data }: Tensor): number[] | undefined {
  if (!Array.isArray(shape) || !Array.isArray(data)) return undefined;
  const values = data.flat(16) as unknown[];
  const is_row = shape.filter((size) => size !== 1).length === 1 && values.length >= 2 && values.length <= barsMax;
  return is_row && values.every((value) => typeof value === "number") ? (values as number[]) : undefined;
}

/** Whether these are shares of one: then they read as per cent. */
export const isDistribution = (values: readonly number[]) =>
  values.every((value) => value >= 0 && value <= 1) && Math.abs(values.reduce((sum, one) => sum + one, 0) - 1) < 0.01;

export type ImageInput = { name: string; datatype: string; shape: number[]; side: 8 | 28 };

const pixelTypes = new Set(["float16", "float32", "float64", "uint8"]);

/** The only input, when it may be a small grey picture: 8x8 or 28x28, flat or not, one at a time or many. */
export function imageInput(ports: readonly Port[]): ImageInput | undefined {
  const port = ports.length === 1 ? ports[0]! : undefined;
  if (!port || !pixelTypes.has(port.dtype)) return undefined;
  const [batch, ...rest] = port.shape;
  if ((batch !== -1 && batch !== 1) || rest.length === 0) return undefined;
  for (const side of [8, 28] as const) {
    const sizes = rest.filter((size) => size !== 1);
    const fits = sizes.join() === `${side},${side}` || sizes.join() === `${side * side}`;
    if (fits) return { name: port.name, datatype: datatypeOf(port.dtype), shape: [1, ...rest], side };
  }
  return undefined;
}
