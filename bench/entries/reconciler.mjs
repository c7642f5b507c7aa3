// 10,000 deployments: what they cost at rest, and how long the server takes to take up its work again.
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { ControlPlane } from "../lib/control_plane.mjs";
import { quick } from "../lib/places.mjs";
import { cpuSeconds, residentMb } from "../lib/processes.mjs";
import { row } from "../lib/results.mjs";

const deployments = quick ? 1_000 : 10_000;

/** One deployment made by the API, on a target whose agent has not come yet, and copies of it that nobody has looked at. */
async function withDeployments(plane) {
  await plane.start();
  const { model } = await plane.register();
  await plane.call("POST", "/api/v1/targets", { name: "machine" });
  await plane.call("POST", "/api/v1/deployments", { name: "digits", model: `${model.name}:v1`, target: "machine" });
  await plane.stop();
  const first = "SELECT * FROM deployments LIMIT 1";
  await plane.copies("deployments", deployments - 1, first, {
    id: plane.numbered("id"),
    name: `'deployment-' || ${plane.dialect.padded("n", 6)}`,
  });
  await plane.copies("deployment_revisions", deployments - 1, "SELECT * FROM deployment_revisions LIMIT 1", {
    deployment_id: plane.numbered("deployment_id"),
  });
}

/** Waits until every deployment has the replica that it should have. */
async function converged(plane) {
  const deadline = performance.now() + 600_000;
  while (performance.now() < deadline) {
    const [count] = await plane.column("SELECT count(*) FROM deployment_replicas");
    if (Number(count) >= deployments) return;
    await wait(50);
  }
  throw new Error("The deployments did not converge.");
}

export async function reconciler(folder) {
  const plane = new ControlPlane(join(folder, "plane"));
  await withDeployments(plane);
  const began = performance.now();
  await plane.start();
  await converged(plane);
  const converge_seconds = (performance.now() - began) / 1e3;
  const converge_cpu = cpuSeconds(plane.pid);

  await wait(12_000); // the rest of the round that has just ended, and whatever it woke
  const seconds = quick ? 20 : 60;
  const cpu = cpuSeconds(plane.pid);
  await wait(seconds * 1e3);
  const at_rest = (cpuSeconds(plane.pid) - cpu) / seconds;
  const n = deployments.toLocaleString("en");
  return [
    row({
      id: "reconciler-converge",
      what: `${n} deployments: from a restart until each has its replica planned`,
      unit: "s",
      ours: converge_seconds,
      detail: { cpu_seconds: converge_cpu },
    }),
    row({
      id: "reconciler-rest",
      what: `${n} deployments that wait for their machine: CPU at rest`,
      unit: "% of a core",
      ours: at_rest * 100,
      detail: { resident_mb: residentMb(plane.pid) },
    }),
  ];
}
