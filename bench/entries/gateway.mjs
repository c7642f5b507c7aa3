// The gateway beside nginx, and what it adds to a stream of tokens.
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { crc32 } from "node:zlib";
import { load, measured } from "../lib/load.mjs";
import { startNginx } from "../lib/peers.mjs";
import { program, quick, root, rounds, seconds } from "../lib/places.mjs";
import { cpuSeconds, freePort, ready, residentMb, start } from "../lib/processes.mjs";
import { atLeast, atMost, row } from "../lib/results.mjs";
import { interleave } from "../lib/statistics.mjs";

/** An API token in its form: the last six letters are the CRC-32 of the rest. */
function tokenOf(letter) {
  const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  const text = `mo_api_${letter.repeat(43)}`;
  let rest = crc32(text);
  let checksum = "";
  for (; checksum.length < 6; rest = Math.floor(rest / 62)) checksum = alphabet[rest % 62] + checksum;
  return text + checksum;
}

const token = tokenOf("k");
const path = "/serve/acme/echo/v2/models/echo/infer";
const call = JSON.stringify({
  inputs: [{ name: "x", shape: [1, 8], datatype: "FP32", data: [1, 2, 3, 4, 5, 6, 7, 8] }],
});
const answer = "y".repeat(595);
const streams = 100;

/** A gateway with one route to `upstream_port`; one thread, as nginx has one worker. */
async function startGateway(folder, upstream_port) {
  const snapshot = {
    protocol: 1,
    version: 1,
    issued_at: new Date().toISOString(),
    routes: [
      {
        organization: "acme",
        deployment: "echo",
        deployment_id: "dep_echo",
        environment: "production",
        engine: "echo",
        interface: "custom",
        engine_model: "",
        model_names: ["echo"],
        replicas: [{ id: "rep_1", address: `127.0.0.1:${upstream_port}` }],
        unavailable_reason: "",
        timeout_ms: 300_000,
        concurrency_max: 10_000,
        queue_max: 10_000,
        queue_wait_ms_max: 30_000,
      },
    ],
    // A rate limit that is counted and never reached.
    keys: [
      {
        digest: createHash("sha256").update(token).digest("hex"),
        id: "key_1",
        organization: "acme",
        expires_at: null,
        requests_per_second: 1e7,
        burst: 1e7,
      },
    ],
    cors_origins: [],
  };
  const file = join(folder, "routes.json");
  writeFileSync(file, JSON.stringify(snapshot));
  const port = await freePort();
  const words = ["gateway", "--snapshot-file", file, "--port", String(port), "--threads", "1"];
  words.push("--access-log", join(folder, "access.log"));
  const child = start(program, words, { log: join(folder, "gateway.log") });
  await ready(child, `http://127.0.0.1:${port}/readyz`);
  return { pid: child.pid, url: `http://127.0.0.1:${port}` };
}

export async function gateway(folder) {
  const upstream = await startNginx(join(folder, "upstream"), {
    server: `location / { return 200 '${answer}'; }`,
    core: "1",
  });
  const nginx = await startNginx(join(folder, "nginx"), {
    http: `upstream up { server 127.0.0.1:${upstream.port}; keepalive 64; keepalive_requests 100000000; }`,
    server: `location = /ready { return 200; }
      location / {
        access_log logs/access.log combined buffer=64k flush=1s;
        proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection "";
      }`,
  });
  const ours = await startGateway(folder, upstream.port);
  const words = ["--concurrency", "32", "--duration", seconds, "-H", "Content-Type: application/json", "-d", call];
  const seen = await interleave(rounds, {
    ours: () => measured([ours.pid], ours.url + path, words, { token }),
    nginx: () => measured([nginx.pid], nginx.url + path, words, { token }),
    direct: () => measured([upstream.pid], upstream.url + path, words, { token }),
  });
  return [
    row({
      id: "gateway-nginx",
      what: "gateway: key, rate limit, metrics, access log; POST, answer of 595 bytes",
      unit: "requests per CPU second",
      ours: seen.ours.per_cpu_second,
      peer: seen.nginx.per_cpu_second,
      peer_name: "nginx proxy_pass, keep-alive, access log",
      goal: atLeast(0.9),
      detail: {
        ours_per_second: seen.ours.per_second,
        peer_per_second: seen.nginx.per_second,
        direct_per_second: seen.direct.per_second,
        ours_p99_us: seen.ours.p99_us,
        peer_p99_us: seen.nginx.p99_us,
      },
    }),
  ];
}

/** Starts `count` streams at `url` and, while they run, reads the resident memory of `pid`. */
async function residentWithStreams(pid, url, count) {
  const running = load(url, ["--concurrency", String(count), ...stream_words, "--duration", "4", "--warmup", "0"], {
    token,
  });
  await wait(3_000);
  const resident = residentMb(pid);
  await running;
  return resident;
}

const stream_words = ["--stream", "-d", "{}", "--timeout", "120"];

export async function gatewayStreams(folder) {
  const port = await freePort();
  const server = start(process.execPath, [join(root, "bench/peers/token_server.mjs"), String(port)], { core: "1" });
  const direct_url = `http://127.0.0.1:${port}`;
  await ready(server, `${direct_url}/ready`);
  const ours = await startGateway(folder, port);
  const before = residentMb(ours.pid);
  const duration = quick ? "3" : "10";
  const side = (url, pid, words) => async () => {
    const cpu = cpuSeconds(pid);
    const report = await load(url, [...words, ...stream_words, "--duration", duration, "--warmup", "1"], { token });
    return {
      cpu_us: ((cpuSeconds(pid) - cpu) * 1e6) / (report.tokens_per_second * (Number(duration) + 1)),
      first_p99_us: report.first_token_us.p99,
      first_p50_us: report.first_token_us.p50,
      between_p99_us: report.inter_token_us.p99,
      between_p50_us: report.inter_token_us.p50,
      tokens_per_second: report.tokens_per_second,
    };
  };
  // A stream lasts a second: so many begin in one, at random, and as many are open. With as many callers that begin
  // anew when their stream ends, all of them begin at the same moment, again and again.
  const arriving = ["--rate", String(streams), "--poisson", "--connections", "1000"];
  const at_once = ["--concurrency", String(streams)];
  const seen = await interleave(rounds, {
    ours: side(ours.url + path, ours.pid, arriving),
    direct: side(direct_url + path, server.pid, arriving),
    ours_at_once: side(ours.url + path, ours.pid, at_once),
    direct_at_once: side(direct_url + path, server.pid, at_once),
  });
  const many = quick ? 200 : 1_000;
  const resident = await residentWithStreams(ours.pid, ours.url + path, many);
  const added = (id, name, figure, through, direct, goal) =>
    row({
      id: `gateway-stream-${id}`,
      what: `gateway: ${name}, p99 over ${streams} streams, added`,
      unit: "µs",
      ours: through[`${figure}_p99_us`] - direct[`${figure}_p99_us`],
      ...(goal && { goal }),
      detail: {
        through_p99_us: through[`${figure}_p99_us`],
        direct_p99_us: direct[`${figure}_p99_us`],
        through_p50_us: through[`${figure}_p50_us`],
        direct_p50_us: direct[`${figure}_p50_us`],
        cpu_us_per_token: through.cpu_us,
        tokens_per_second: through.tokens_per_second,
      },
    });
  const millisecond = atMost(1_000, "ours");
  return [
    added("token", "gap between tokens", "between", seen.ours, seen.direct, millisecond),
    added("first", "first token", "first", seen.ours, seen.direct, millisecond),
    added("burst", "first token when all begin at once", "first", seen.ours_at_once, seen.direct_at_once),
    row({
      id: "gateway-stream-memory",
      what: `gateway: resident memory per open stream, of ${many.toLocaleString("en")}`,
      unit: "kB",
      ours: ((resident - before) * 1e3) / many,
    }),
  ];
}
