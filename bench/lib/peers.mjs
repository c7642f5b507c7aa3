// What ModelOps is measured against, each in a folder of its own.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nginx, python, python_environment } from "./places.mjs";
import { freePort, ready, start } from "./processes.mjs";

/** nginx with one worker; `server`: what stands in the server block, `http`: beside it. */
export async function startNginx(folder, { server, http = "", core } = {}) {
  mkdirSync(join(folder, "logs"), { recursive: true });
  const port = await freePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(" ");
  writeFileSync(
    join(folder, "nginx.conf"),
    `worker_processes 1; daemon off; pid ${folder}/nginx.pid; error_log ${folder}/logs/error.log;
${process.getuid() === 0 ? "user root;" : ""}
events { worker_connections 8192; }
http {
  ${temporary}
  default_type application/json; sendfile on; tcp_nodelay on;
  keepalive_requests 100000000; keepalive_timeout 600s;
  ${http}
  server { listen 127.0.0.1:${port}; access_log off; ${server} }
}
`,
  );
  const child = start(nginx, ["-p", folder, "-c", "nginx.conf"], { log: join(folder, "nginx.log"), core });
  await ready(child, `http://127.0.0.1:${port}/ready`);
  return { process: child, pid: child.pid, port, url: `http://127.0.0.1:${port}` };
}

/** A Python module as a server. */
export async function startPython(folder, words, port, path) {
  mkdirSync(folder, { recursive: true });
  const env = { ...python_environment, MLFLOW_DISABLE_TELEMETRY: "true", DO_NOT_TRACK: "true", OMP_NUM_THREADS: "1" };
  const child = start(python, words, { log: join(folder, "server.log"), env, cwd: folder });
  await ready(child, `http://127.0.0.1:${port}${path}`);
  return { process: child, pid: child.pid, url: `http://127.0.0.1:${port}` };
}
