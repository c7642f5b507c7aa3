// How long `modelops serve` takes to start on an existing database, and what it needs when nobody asks.
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { ControlPlane } from "../lib/control_plane.mjs";
import { quick } from "../lib/places.mjs";
import { cpuSeconds, residentMb } from "../lib/processes.mjs";
import { atMost, row } from "../lib/results.mjs";
import { median } from "../lib/statistics.mjs";

export async function start(folder) {
  const plane = new ControlPlane(join(folder, "plane"));
  await plane.withModels(quick ? 10_000 : 100_000);
  const times = [];
  for (let run = 0; run < (quick ? 3 : 11); run++) {
    await plane.stop();
    times.push(await plane.start({ pause: 1 }));
  }
  const seconds = quick ? 5 : 30;
  await wait(3_000);
  const cpu = cpuSeconds(plane.pid);
  await wait(seconds * 1e3);
  return [
    row({
      id: "start-ready",
      what: "serve: from the start of the process until /readyz answers, 100,000 models",
      unit: "ms",
      ours: median(times),
      goal: atMost(150, "ours"),
      detail: { best: Math.min(...times), worst: Math.max(...times) },
    }),
    row({
      id: "idle-memory",
      what: "serve: resident memory when idle",
      unit: "MB",
      ours: residentMb(plane.pid),
      goal: atMost(60, "ours"),
      detail: { cpu_percent: ((cpuSeconds(plane.pid) - cpu) / seconds) * 100 },
    }),
  ];
}
