// `modelops runtime` on the digits model.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { measured } from "../lib/load.mjs";
import { startPython } from "../lib/peers.mjs";
import { digits, onnxruntime, program, python, python_environment, root, rounds, seconds } from "../lib/places.mjs";
import { freePort, ready, run, start } from "../lib/processes.mjs";
import { atLeast, row } from "../lib/results.mjs";
import { interleave } from "../lib/statistics.mjs";

const model = join(digits, "digits.onnx");
const path = "/v2/models/digits/infer";

async function startRuntime(folder, name, words = []) {
  const port = await freePort();
  const own = ["--model", `digits=${model}`, "--library", onnxruntime, "--port", String(port), "--threads", "1"];
  const child = start(program, ["runtime", ...own, ...words], { log: join(folder, `${name}.log`) });
  await ready(child, `http://127.0.0.1:${port}/v2/health/ready`);
  return { pid: child.pid, url: `http://127.0.0.1:${port}` };
}

async function startFastapi(folder) {
  const port = await freePort();
  process.env.MODEL = model;
  const words = ["-m", "uvicorn", "fastapi_digits:app", "--app-dir", join(root, "bench/peers"), "--no-access-log"];
  words.push("--host", "127.0.0.1", "--port", String(port), "--loop", "uvloop", "--http", "httptools");
  return startPython(folder, words, port, "/ready");
}

export async function runtime(folder) {
  const { pixels } = JSON.parse(readFileSync(join(digits, "test_set.json"), "utf8")).rows[0];
  const file = join(folder, "body.json");
  const input = { name: "pixels", shape: [1, 64], datatype: "FP32", data: pixels };
  writeFileSync(file, JSON.stringify({ inputs: [input] }));
  const plain = await startRuntime(folder, "plain");
  const batching = await startRuntime(folder, "batching", ["--batch-max", "32", "--batch-delay-us", "200"]);
  const fastapi = await startFastapi(join(folder, "fastapi"));
  const side = (server, concurrency) => () =>
    measured([server.pid], server.url + path, [
      ...["--concurrency", String(concurrency), "--duration", seconds],
      ...["-H", "Content-Type: application/json", "-d", `@${file}`],
    ]);
  const bare = async () => ({
    cpu_us: Number(
      await run(python, [join(root, "bench/peers/bare_onnx.py"), model, seconds], { env: python_environment }),
    ),
  });
  const seen = await interleave(rounds, {
    one: side(plain, 1),
    fastapi_one: side(fastapi, 1),
    fastapi_many: side(fastapi, 64),
    many: side(plain, 64),
    batching: side(batching, 64),
    bare,
  });
  const against = (id, what, ours, peer, peer_name, goal) =>
    row({
      id,
      what: `runtime: digits, ${what}`,
      unit: "requests per CPU second",
      ours: ours.per_cpu_second,
      peer: peer.per_cpu_second,
      peer_name,
      goal,
      detail: {
        ours_per_second: ours.per_second,
        peer_per_second: peer.per_second,
        ours_p99_us: ours.p99_us,
        peer_p99_us: peer.p99_us,
      },
    });
  const python_server = "FastAPI on uvicorn, ONNX Runtime";
  const { one, many, batching: batched, fastapi_one, fastapi_many } = seen;
  return [
    against("runtime-fastapi-one", "one caller, no batching", one, fastapi_one, python_server, atLeast(5)),
    against("runtime-fastapi-many", "64 callers, no batching", many, fastapi_many, python_server, atLeast(5)),
    against("runtime-batching", "64 callers, dynamic batching", batched, many, "the same without batching"),
    row({
      id: "runtime-overhead",
      what: "runtime: digits, 64 callers: CPU time of a request",
      unit: "µs",
      ours: seen.many.cpu_us,
      peer: seen.bare.cpu_us,
      peer_name: "ONNX Runtime called in a loop, in Python",
      detail: { overhead_us: seen.many.cpu_us - seen.bare.cpu_us },
    }),
  ];
}
