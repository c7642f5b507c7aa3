// Reading the registry with 100,000 models in it.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ControlPlane } from "../lib/control_plane.mjs";
import { measured } from "../lib/load.mjs";
import { startNginx, startPython } from "../lib/peers.mjs";
import { python, python_environment, quick, root, rounds, seconds } from "../lib/places.mjs";
import { freePort, run } from "../lib/processes.mjs";
import { atLeast, atMost, row } from "../lib/results.mjs";
import { interleave } from "../lib/statistics.mjs";

const models = quick ? 10_000 : 100_000;
const busy = ["--concurrency", "16", "--duration", seconds];
const postgres_tool = join(root, "tools/postgres");

/** MLflow's server on its SQLite store, filled through that store. Its models are as large as ours, and fewer. */
async function startMlflow(folder) {
  const port = await freePort();
  const store = `sqlite:///${folder}/mlflow.db`;
  await run(python, [join(root, "bench/peers/mlflow_fill.py"), store, "1000"], { env: python_environment, core: null });
  const words = ["-m", "mlflow", "server", "--backend-store-uri", store, "--workers", "1"];
  words.push("--host", "127.0.0.1", "--port", String(port), "--default-artifact-root", `${folder}/artifacts`);
  return startPython(folder, words, port, "/health");
}

const path_file = (folder, name, paths) => {
  const file = join(folder, name);
  writeFileSync(file, `${paths.join("\n")}\n`);
  return ["--targets", file];
};

async function postgresMaster(cluster) {
  const folder = join(cluster, "data/postmaster.pid");
  return Number((await run("head", ["-n", "1", folder])).trim());
}

export async function modelGet(folder) {
  const ours = new ControlPlane(join(folder, "sqlite"));
  const ids = await ours.withModels(models);
  const cluster = join(folder, "cluster");
  const url = execFileSync(postgres_tool, ["start", cluster], { encoding: "utf8" }).trim();
  try {
    const on_postgres = new ControlPlane(join(folder, "postgres"), { postgres: url });
    const postgres_ids = await on_postgres.withModels(models);
    const master = await postgresMaster(cluster);

    const get = (id) => `/api/v1/models/${id}`;
    const answer = await fetch(ours.url + get(ids[0]), { headers: { Authorization: `Bearer ${ours.token}` } });
    const body = await answer.text();
    const file = join(folder, "model.json");
    writeFileSync(file, body);
    const nginx = await startNginx(join(folder, "nginx"), {
      server: `root ${folder}; location = /ready { return 200; } location = /model.json { }`,
    });
    const mlflow = await startMlflow(join(folder, "mlflow"));
    const names = Array.from({ length: 1_000 }, (_, i) => `model-${String(i).padStart(6, "0")}`);
    const mlflow_get = "/api/2.0/mlflow/registered-models/get?name=";

    const side = (pids, server, paths, token) => () =>
      measured(pids, server, [...busy, ...path_file(folder, "paths", paths)], { token });
    const seen = await interleave(rounds, {
      sqlite: side([ours.pid], ours.url, ids.map(get), ours.token),
      nginx: side([nginx.pid], nginx.url, ["/model.json"]),
      postgres: side([on_postgres.pid, master], on_postgres.url, postgres_ids.map(get), on_postgres.token),
      mlflow: side(
        [mlflow.pid],
        mlflow.url,
        names.map((name) => mlflow_get + name),
      ),
    });
    const unit = "requests per CPU second";
    const what = (database) => `GET model, API key, ${models.toLocaleString("en")} models, ${database}`;
    const detail = (peer, database) => ({
      ours_per_second: seen[database].per_second,
      peer_per_second: seen[peer].per_second,
      ours_p99_us: seen[database].p99_us,
      peer_p99_us: seen[peer].p99_us,
      body_bytes: body.length,
    });
    const against = (id, database, database_name, peer, peer_name, goal) =>
      row({
        id,
        what: what(database_name),
        unit,
        ours: seen[database].per_cpu_second,
        peer: seen[peer].per_cpu_second,
        peer_name,
        goal,
        detail: detail(peer, database),
      });
    const static_file = "nginx, a static file of the same size";
    const registry = "MLflow, registered-models/get of 1,000";
    return [
      against("model-get-sqlite-nginx", "sqlite", "SQLite", "nginx", static_file, atLeast(0.3)),
      against("model-get-sqlite-mlflow", "sqlite", "SQLite", "mlflow", registry, atLeast(20)),
      against("model-get-postgresql-nginx", "postgres", "PostgreSQL included", "nginx", static_file),
      against("model-get-postgresql-mlflow", "postgres", "PostgreSQL included", "mlflow", registry, atLeast(20)),
    ];
  } finally {
    execFileSync(postgres_tool, ["stop", cluster]);
  }
}

export async function modelPage(folder) {
  const many = new ControlPlane(join(folder, "many"));
  const few = new ControlPlane(join(folder, "few"));
  await many.withModels(models);
  await few.withModels(1_000);
  const filter = encodeURIComponent("interface = 'chat' AND name LIKE '%7%'");
  const rows = [];
  for (const [id, order] of [
    ["name", "name"],
    ["updated", "updated_at desc"],
  ]) {
    const path = `/api/v1/models?page_size=50&filter=${filter}&order_by=${encodeURIComponent(order)}`;
    const side = (plane) => () =>
      measured([plane.pid], plane.url + path, ["--concurrency", "2", "--duration", seconds], { token: plane.token });
    const seen = await interleave(rounds, { many: side(many), few: side(few) });
    rows.push(
      row({
        id: `model-page-${id}`,
        what: `a filtered page of ${models.toLocaleString("en")} models by ${order}: p99`,
        unit: "µs",
        ours: seen.many.p99_us,
        peer: seen.few.p99_us,
        peer_name: "the same of 1,000 models",
        goal: atMost(10),
        detail: { ours_p50_us: seen.many.p50_us, peer_p50_us: seen.few.p50_us, ours_cpu_us: seen.many.cpu_us },
      }),
    );
  }
  return rows;
}
