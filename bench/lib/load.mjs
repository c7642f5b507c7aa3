// Load on a server, with what it cost.
import { program } from "./places.mjs";
import { cpuSeconds, run } from "./processes.mjs";

/**
 * Runs `modelops bench` with these words against `url` and returns its report. `token` goes through the environment.
 * Fails when any answer is not a success: what fails quickly must not look quick.
 */
export async function load(url, words, { token } = {}) {
  const authorised = token === undefined ? [] : ["--token-env", "MODELOPS_BENCH_TOKEN"];
  const text = await run(program, ["bench", url, "-o", "json", ...authorised, ...words], {
    env: { MODELOPS_BENCH_TOKEN: token ?? "" },
    fails: true,
  });
  const report = JSON.parse(text);
  const refused = Object.entries(report.statuses).filter(([status]) => !status.startsWith("2"));
  if (refused.length > 0 || Object.keys(report.errors).length > 0)
    throw new Error(`${url}: ${JSON.stringify(report.statuses)} ${JSON.stringify(report.errors)}`);
  return report;
}

/** The load as figures of which medians make sense; CPU time is that of `pids`. */
export async function measured(pids, url, words, options) {
  const before = cpuSeconds(...pids);
  const report = await load(url, ["--warmup", "0", ...words], options);
  const cpu = cpuSeconds(...pids) - before;
  return {
    per_second: report.requests_per_second,
    per_cpu_second: report.answered_total / cpu,
    cpu_us: (cpu * 1e6) / report.answered_total,
    p50_us: report.latency_us.p50,
    p99_us: report.latency_us.p99,
  };
}
