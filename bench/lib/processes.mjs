// Processes that are measured: started on one core, their CPU time and memory as /proc tells.
import { spawn } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { cpus } from "node:os";
import { setTimeout as wait } from "node:timers/promises";

const ticks_per_second = 100; // of /proc/*/stat, on every Linux that Debian builds
const page_bytes = 4096;

/** With two cores or more, what is measured has the first one and what measures it the second. */
const cores = cpus().length > 1 ? { server: "0", generator: "1" } : { server: "0", generator: "0" };

const started = new Set();

export async function freePort() {
  const server = createServer();
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

/** Starts a server on its core (`core: null`: on any); what it prints goes to `log`. */
export function start(command, words, { env = {}, log = "/dev/null", core = cores.server, cwd } = {}) {
  const out = openSync(log, "a");
  const [program, arguments_] = core === null ? [command, words] : ["taskset", ["-c", core, command, ...words]];
  const child = spawn(program, arguments_, { stdio: ["ignore", out, out], env: { ...process.env, ...env }, cwd });
  closeSync(out);
  child.gone = new Promise((gone) => child.once("exit", gone));
  child.log = log;
  started.add(child);
  child.gone.then(() => started.delete(child));
  return child;
}

export async function stop(child) {
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), 20_000);
  await child.gone;
  clearTimeout(late);
}

/** Ends what is left, whatever happened. */
export async function stopAll() {
  await Promise.all([...started].map(stop));
}

/** Resolves when `url` answers with a success; fails when the process ends before, or after a minute. */
export async function ready(child, url, { headers = {}, pause = 20 } = {}) {
  const deadline = performance.now() + 60_000;
  while (performance.now() < deadline) {
    const answer = await fetch(url, { headers }).catch(() => null);
    await answer?.arrayBuffer();
    if (answer?.ok) return;
    if (child.exitCode !== null) throw new Error(`${child.spawnargs.join(" ")} ended; see ${child.log}`);
    await wait(pause);
  }
  throw new Error(`${url} does not answer; see ${child.log}`);
}

/** Runs a program to its end and returns its output; on the generator's core unless told. */
export async function run(command, words, { env = {}, core = cores.generator, input, fails = false, cwd } = {}) {
  const [program, arguments_] = core === null ? [command, words] : ["taskset", ["-c", core, command, ...words]];
  const child = spawn(program, arguments_, { env: { ...process.env, ...env }, cwd });
  let out = "";
  let error = "";
  child.stdout.on("data", (bytes) => (out += bytes));
  child.stderr.on("data", (bytes) => (error += bytes));
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const status = await new Promise((ended, failed) => child.once("close", ended).once("error", failed));
  if (status !== 0 && !fails) throw new Error(`${command} ${words.join(" ")}: ${status}\n${error}${out}`);
  return out;
}

function stat(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" "); // from the third on
  return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]), pages: Number(fields[21]) };
}

/** The process and all below it. */
function family(pid) {
  const all = new Map();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      all.set(Number(name), stat(name));
    } catch {} // it ended meanwhile
  }
  const members = [pid];
  for (let i = 0; i < members.length; i++)
    for (const [child, { parent }] of all) if (parent === members[i]) members.push(child);
  return members.map((member) => all.get(member)).filter((found) => found !== undefined);
}

/** CPU seconds, user and system, of the processes and all below them. */
export const cpuSeconds = (...pids) =>
  pids.flatMap(family).reduce((sum, { ticks }) => sum + ticks, 0) / ticks_per_second;

/** Resident memory of the process and all below it, in MB. */
export const residentMb = (pid) => (family(pid).reduce((sum, { pages }) => sum + pages, 0) * page_bytes) / 1e6;

/** The most that the process itself ever had resident, in MB. */
export const peakMb = (pid) => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1.024e-3;
