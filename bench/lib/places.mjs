import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const program = process.env.MODELOPS_PROGRAM ?? join(root, "build/release/modelops");
export const digits = join(root, "examples/digits");

const where = Object.fromEntries(
  execFileSync(join(root, "tools/setup"), ["where"], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((line) => line.split("=")),
);
export const onnxruntime = where.MODELOPS_ONNXRUNTIME;
export const nginx = join(where.MODELOPS_BENCH_PEERS, "nginx/usr/sbin/nginx");
/** Python with the peers' packages. */
export const python = "/usr/bin/python3";
export const python_environment = { PYTHONPATH: join(where.MODELOPS_BENCH_PEERS, "python") };

/** Shorter runs, smaller sizes: to see that it works, not for figures that one tells others. */
export const quick = process.env.QUICK === "1";
export const seconds = String(quick ? 1 : 5);
export const rounds = quick ? 1 : 5;
