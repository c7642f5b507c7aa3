// Uploads: how quick, and how much memory.
import { statSync } from "node:fs";
import { join } from "node:path";
import { ControlPlane } from "../lib/control_plane.mjs";
import { quick, rounds } from "../lib/places.mjs";
import { cpuSeconds, peakMb, run } from "../lib/processes.mjs";
import { atLeast, atMost, row } from "../lib/results.mjs";
import { interleave } from "../lib/statistics.mjs";
import { upload } from "../lib/upload.mjs";

const mib = 1 << 20;

async function randomFile(file, size_mib) {
  await run("dd", ["if=/dev/urandom", `of=${file}`, "bs=1M", `count=${size_mib}`, "status=none"], { core: null });
  return file;
}

export async function uploads(folder) {
  const plane = new ControlPlane(join(folder, "plane"));
  await plane.start();
  const file = await randomFile(join(folder, "file"), quick ? 128 : 512);
  const bytes = statSync(file).size;
  const seen = await interleave(Math.min(rounds, 3), {
    ours: async () => {
      const cpu = cpuSeconds(plane.pid);
      const seconds = await upload(plane, file);
      return { mb_per_second: bytes / 1e6 / seconds, cpu_ms_per_mb: ((cpuSeconds(plane.pid) - cpu) * 1e9) / bytes };
    },
    sha256sum: async () => {
      const began = performance.now();
      await run("sha256sum", [file]);
      return { mb_per_second: bytes / 1e3 / (performance.now() - began) };
    },
  });
  const large_mib = quick ? 512 : 4096;
  const large = await randomFile(join(folder, "large"), large_mib);
  const before = peakMb(plane.pid);
  await upload(plane, large);
  return [
    row({
      id: "upload-speed",
      what: `upload of ${bytes / mib} MiB, verified and on disk`,
      unit: "MB/s",
      ours: seen.ours.mb_per_second,
      peer: seen.sha256sum.mb_per_second,
      peer_name: "sha256sum of the same file",
      goal: atLeast(0.8),
      detail: { server_cpu_ms_per_mb: seen.ours.cpu_ms_per_mb },
    }),
    row({
      id: "upload-memory",
      what: `upload of ${large_mib} MiB: growth of the server's peak memory`,
      unit: "MB",
      ours: peakMb(plane.pid) - before,
      goal: atMost(16, "ours"),
      detail: { peak_mb: peakMb(plane.pid) },
    }),
  ];
}
