import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));
export const program = process.env.MODELOPS_PROGRAM ?? join(root, "build/release/modelops");
export const digitsFile = join(root, "examples/digits/digits.onnx");

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

/** Where an installation is: enough to use it from another process. */
export type Places = {
  folder: string;
  web: string;
  api: string;
  gateway: string;
  /** What `modelops up` printed. */
  output: string;
};

export type Person = { id: string; email: string; name: string; password: string };

/** A control plane, a gateway and an agent with two models deployed, in a folder and on ports of their own. */
export class Installation {
  private token: Promise<string> | undefined;

  readonly places: Places;

  constructor(places: Places) {
    this.places = places;
  }

  static async start(): Promise<Installation> {
    const [web, api, gateway] = [await freePort(), await freePort(), await freePort()];
    const folder = await mkdtemp(join(tmpdir(), "modelops-e2e-"));
    const made = new Installation({
      folder,
      web: `http://localhost:${web}`,
      api: `http://localhost:${api}`,
      gateway: `http://localhost:${gateway}`,
      output: "",
    });
    try {
      made.places.output = await made.up();
    } catch (error) {
      await made.stop();
      throw error;
    }
    return made;
  }

  /** Starts what does not run; returns what was printed. */
  up(): Promise<string> {
    const port = (url: string) => new URL(url).port;
    const { web, api, gateway } = this.places;
    const ports = ["--web-port", port(web), "--api-port", port(api), "--gateway-port", port(gateway)];
    ports.push("--prometheus-port", "0");
    return this.modelops("up", "--detach", ...ports, "--examples", join(root, "examples"));
  }

  /** Ends everything, runs `work` on the folder of data, and starts it again. */
  async offline(work: (data: string) => void): Promise<void> {
    await this.modelops("down");
    work(join(this.places.folder, "state/data"));
    await this.up();
  }

  async stop(): Promise<void> {
    await this.modelops("down").finally(() => rm(this.places.folder, { recursive: true, force: true }));
  }

  /** Sends a signal to one of its processes: "serve", "agent" or "gateway". */
  async signal(name: string, signal: NodeJS.Signals): Promise<void> {
    const mark = await readFile(join(this.places.folder, "state/run", `${name}.pid`), "utf8");
    process.kill(Number(mark.split(" ")[0]), signal);
  }

  /** Runs the program against this installation and returns its output; rejects with it when the program fails. */
  async modelops(...words: string[]): Promise<string> {
    const env = {
      ...process.env,
      MODELOPS_HOME: join(this.places.folder, "state"),
      MODELOPS_PROFILES: join(this.places.folder, "profiles.json"),
    };
    const { stdout } = await run(program, words, { env });
    return stdout;
  }

  /** The API as the administrator's program sees it; rejects what is not a success. */
  async call<T = unknown>(method: string, path: string, body?: unknown, more?: Record<string, string>): Promise<T> {
    this.token ??= readFile(join(this.places.folder, "profiles.json"), "utf8").then((text) => {
      const profiles = JSON.parse(text);
      return profiles.profiles[profiles.current].token;
    });
    const headers: Record<string, string> = { Authorization: `Bearer ${await this.token}`, ...more };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const answer = await fetch(this.places.api + path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  /** Changes what has an ETag. */
  async patch(path: string, change: unknown): Promise<void> {
    const { row_version } = await this.call<{ row_version: number }>("GET", path);
    await this.call("PATCH", path, change, { "If-Match": `"${row_version}"` });
  }

  /** A new one-time sign-in link of the administrator. */
  async signInLink(): Promise<string> {
    const me = await this.call<{ actor_id: string }>("GET", "/api/v1/session");
    const made = await this.call<{ sign_in_token: string }>("POST", `/api/v1/members/${me.actor_id}/sign-in-link`, {});
    return this.linkOf(made.sign_in_token);
  }

  /** A one-time sign-in link of a new person with `role`. */
  async invite(role: string, name = role): Promise<string> {
    const email = `${name.replaceAll(" ", ".")}-${unique()}@example.org`.toLowerCase();
    const made = await this.call<{ sign_in_token: string }>("POST", "/api/v1/members", {
      email,
      role,
      display_name: name,
    });
    return this.linkOf(made.sign_in_token);
  }

  /** A new person with `role`, who has chosen a password. */
  async person(role: string, name = role): Promise<Person> {
    const email = `${name.replaceAll(" ", ".")}-${unique()}@example.org`.toLowerCase();
    const made = await this.call<{ sign_in_token: string; member: { id: string } }>("POST", "/api/v1/members", {
      email,
      role,
      display_name: name,
    });
    const post = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
      const answer = await fetch(this.places.web + path, {
        method: "POST",
        headers: { "Content-Type": "application/json", ...headers },
        body: JSON.stringify(body),
      });
      if (!answer.ok) throw new Error(`POST ${path}: ${answer.status} ${await answer.text()}`);
      return answer;
    };
    const entered = await post("/api/v1/session/link", { token: made.sign_in_token });
    const { csrf_token, actor_id } = await entered.json();
    const cookie = entered.headers.getSetCookie()[0]?.split(";")[0] ?? "";
    const password = `correct horse ${unique()}`;
    await post("/api/v1/session/password", { new_password: password }, { Cookie: cookie, "X-CSRF-Token": csrf_token });
    return { id: actor_id, email, name, password };
  }

  /** Waits until a deployment has gone: pages of other tests hear of it too. */
  async gone(deployment: string): Promise<void> {
    while (
      (await this.call<{ items: unknown[] }>("GET", `/api/v1/deployments?filter=name='${deployment}'`)).items.length
    )
      await setTimeout(100);
  }

  /** A model of one version with the digits file, or with other files; returns its name. */
  async model({ name = `m-${unique()}`, files = [digitsFile], tags = [] as string[] } = {}): Promise<string> {
    const tagged = tags.flatMap((tag) => ["--tag", tag]);
    await this.modelops("models", "register", name, ...files, "--visibility", "organization", ...tagged);
    return name;
  }

  private linkOf(token: string): string {
    return `${this.places.web}/modelops/sign-in#token=${token}`;
  }
}

/** Eight characters that no other test uses. */
export const unique = () => crypto.randomUUID().slice(0, 8);

/** Appended to an ONNX file it makes another one of the same model: doc_string is its field 6, and the last one counts. */
export const describedAs = (text: string) => Buffer.concat([Buffer.from([0x32, text.length]), Buffer.from(text)]);
