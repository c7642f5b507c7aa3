// `modelops serve` in a folder of its own, and ways to fill its database without waiting for the API.
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { digits, program } from "./places.mjs";
import { freePort, ready, run, start, stop } from "./processes.mjs";

const psql = "/usr/lib/postgresql/15/bin/psql";

/** What the two databases write differently. */
const dialects = {
  sqlite: {
    padded: (number, width) => `printf('%0${width}d', ${number})`,
    columns: (table) => `SELECT name FROM pragma_table_info('${table}')`,
  },
  postgres: {
    padded: (number, width) => `lpad((${number})::text, ${width}, '0')`,
    columns: (table) =>
      `SELECT column_name FROM information_schema.columns WHERE table_name = '${table}' AND table_schema = 'public'`,
  },
};

export class ControlPlane {
  /** `postgres`: the URL of an empty database; without it SQLite in the folder. */
  constructor(folder, { postgres } = {}) {
    mkdirSync(folder, { recursive: true });
    this.folder = folder;
    this.postgres = postgres;
    this.dialect = postgres ? dialects.postgres : dialects.sqlite;
    this.profile = join(folder, "profiles.json");
  }

  /** Returns the milliseconds until it was ready. */
  async start({ pause = 20 } = {}) {
    this.port ??= await freePort();
    this.url = `http://127.0.0.1:${this.port}`;
    const settings = {
      "data.folder": join(this.folder, "data"),
      "api.port": this.port,
      "web.enabled": false,
      "first_start.profile": this.profile,
      ...(this.postgres && { "data.database": this.postgres }),
    };
    const words = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
    const began = performance.now();
    this.process = start(program, ["serve", ...words], { log: join(this.folder, "serve.log") });
    await ready(this.process, `${this.url}/readyz`, { pause });
    const took = performance.now() - began;
    const profiles = JSON.parse(readFileSync(this.profile, "utf8"));
    this.token = profiles.profiles[profiles.current].token;
    return took;
  }

  stop() {
    return stop(this.process);
  }

  get pid() {
    return this.process.pid;
  }

  async call(method, path, body) {
    const answer = await fetch(this.url + path, {
      method,
      headers: { Authorization: `Bearer ${this.token}`, ...(body && { "Content-Type": "application/json" }) },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  }

  modelops(...words) {
    const env = { MODELOPS_URL: this.url, MODELOPS_TOKEN: this.token, MODELOPS_PROFILES: this.profile };
    return run(program, [...words, "-o", "json"], { env });
  }

  /** The rows of a query, from the database itself: of each its first column. */
  async column(sql) {
    if (this.postgres) return (await run(psql, [this.postgres, "-At", "-c", sql])).trim().split("\n");
    const database = new DatabaseSync(join(this.folder, "data/modelops.db"));
    try {
      return database
        .prepare(sql)
        .all()
        .map((row) => Object.values(row)[0]);
    } finally {
      database.close();
    }
  }

  async execute(sql) {
    if (this.postgres) return run(psql, [this.postgres, "-q", "-v", "ON_ERROR_STOP=1"], { input: sql });
    const database = new DatabaseSync(join(this.folder, "data/modelops.db"));
    database.exec(sql);
    database.close();
  }

  /** `count` copies of the rows of `table` in `from`, with the columns in `made` replaced: expressions over `n`, `c`. */
  async copies(table, count, from, made) {
    const names = await this.column(this.dialect.columns(table));
    const values = names.map((name) => made[name] ?? `c.${name}`);
    await this.execute(`INSERT INTO ${table} (${names.join(", ")})
      WITH RECURSIVE counter (n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM counter WHERE n < ${count})
      SELECT ${values.join(", ")} FROM counter, (${from}) c`);
  }

  /** `column` of the copied row with its last eight hexadecimal digits replaced by the number of the copy. */
  numbered(column) {
    return `substr(c.${column}, 1, 28) || ${this.dialect.padded("n", 8)}`;
  }

  /** One registered model of one version with the digits file. */
  async register(name = "digits") {
    return JSON.parse(await this.modelops("models", "register", name, join(digits, "digits.onnx")));
  }

  /** A first start, one model and `count` copies of it, ready to serve. Returns some ids in random order. */
  async withModels(count) {
    await this.start();
    await this.register();
    await this.stop();
    await this.copies("models", count - 1, "SELECT * FROM models LIMIT 1", {
      id: this.numbered("id"),
      name: `'model-' || ${this.dialect.padded("n", 6)}`,
      display_name: `'Model ' || ${this.dialect.padded("n", 6)}`,
      interface: "CASE n % 4 WHEN 0 THEN 'chat' WHEN 1 THEN 'embedding' ELSE 'custom' END",
      latest_version: "0",
      source_upload_id: "NULL",
      analysis_operation_id: "NULL",
      created_at: "c.created_at - n",
      updated_at: "c.updated_at - n * 1000000",
    });
    await this.execute("ANALYZE");
    await this.start();
    return this.column("SELECT id FROM models ORDER BY random() LIMIT 10000");
  }
}
