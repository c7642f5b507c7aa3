// Prints how quick the web app is over many models. Goals: first load below 200 kB, LCP below 1 s, CLS below 0.1.
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { launch } from "../tests/e2e/chromium.ts";
import { Installation } from "../tests/e2e/installation.ts";

const models = Number(process.env.MODELS ?? 100_000);
const runs = 5;

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const quantile = (values, q) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))];
const ms = (value) => `${Math.round(value)} ms`;
const line = (what, value) => console.log(`${what.padEnd(58)} ${value}`);

/** Copies of the first model under other names, each a little older than the one before. */
function fill(data) {
  const database = new DatabaseSync(join(data, "modelops.db"));
  const columns = database.prepare("SELECT name FROM pragma_table_info('models')").all();
  const made = {
    id: "'mdl_' || substr(m.id, 5, 24) || printf('%08x', n)",
    name: "printf('model-%06d', n)",
    display_name: "printf('Model %06d', n)",
    interface: "CASE n % 4 WHEN 0 THEN 'chat' WHEN 1 THEN 'embedding' ELSE 'custom' END",
    latest_version: "0",
    source_upload_id: "NULL",
    analysis_operation_id: "NULL",
    created_at: "m.created_at - n",
    updated_at: "m.updated_at - n * 1000000",
  };
  const names = columns.map(({ name }) => name);
  const values = names.map((name) => made[name] ?? `m.${name}`);
  database.exec(`WITH RECURSIVE counter (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counter WHERE n < ${models})
    INSERT INTO models (${names.join(", ")}) SELECT ${values.join(", ")} FROM counter, (SELECT * FROM models LIMIT 1) m`);
  database.close();
}

/** Runs in the page before anything else: keeps what the browser observes. */
function observe() {
  window.seen = { lcp: 0, cls: 0 };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.seen.lcp = entry.startTime;
  }).observe({ type: "largest-contentful-paint", buffered: true });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.seen.cls += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
}

/** Runs in the page: scrolls the list down for a while; the time of each frame. */
async function scroll() {
  const list = document.querySelector("[role=grid]");
  const frames = [];
  let last = performance.now();
  for (let frame = 0; frame < 120; frame++) {
    list.scrollTop += 400;
    await new Promise((next) => requestAnimationFrame(next));
    const now = performance.now();
    frames.push(now - last);
    last = now;
  }
  return { frames: frames.slice(1), rows: list.querySelectorAll("[role=row]").length };
}

async function visit(browser, installation) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  await page.addInitScript(observe);
  const token = (await installation.signInLink()).split("=")[1];
  await page.request.post(`${installation.places.web}/api/v1/session/link`, { data: { token } });
  return page;
}

const installation = await Installation.start();
const browser = await launch();
try {
  const began = performance.now();
  await installation.offline(fill);
  line(`${models.toLocaleString("en")} models filled, server started again in`, ms(performance.now() - began));

  const lcp = [];
  const cls = [];
  let scripts = 0;
  for (let run = 0; run < runs; run++) {
    const page = await visit(browser, installation);
    await page.goto(`${installation.places.web}/modelops`);
    await page.getByRole("region", { name: "Deployments" }).getByRole("row").nth(1).waitFor();
    const seen = await page.evaluate(() => window.seen);
    lcp.push(seen.lcp);
    cls.push(seen.cls);
    scripts = await page.evaluate(() =>
      performance
        .getEntriesByType("resource")
        .filter(({ name, responseEnd }) => name.endsWith(".js") && responseEnd <= window.seen.lcp)
        .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),
    );
    await page.context().close();
  }
  line(
    `home: largest contentful paint, median of ${runs} (goal < 1 s)`,
    `${ms(median(lcp))}, worst ${ms(Math.max(...lcp))}`,
  );
  line("home: JavaScript before that, as sent (goal < 200 kB)", `${(scripts / 1024).toFixed(1)} kB`);
  line("home: cumulative layout shift, worst", Math.max(...cls).toFixed(3));

  const page = await visit(browser, installation);
  await page.goto(`${installation.places.web}/modelops/registry`);
  const grid = page.getByRole("grid", { name: "Models" });
  await grid.getByRole("row").nth(1).waitFor();
  line("registry: largest contentful paint", ms((await page.evaluate(() => window.seen)).lcp));
  const { frames, rows } = await page.evaluate(scroll);
  line("registry: frame while scrolling, p50 and p95", `${ms(quantile(frames, 0.5))}, ${ms(quantile(frames, 0.95))}`);
  line("registry: rows in the document meanwhile", rows);
  const filtered = [];
  for (let run = 0; run < runs; run++) {
    const wanted = `model-${String(Math.floor(((run + 0.5) * models) / runs)).padStart(6, "0")}`;
    const box = page.getByRole("searchbox", { name: "Filter models" });
    await box.fill("");
    await page
      .getByRole("search")
      .getByRole("status")
      .getByText(/ models/)
      .waitFor();
    const start = performance.now();
    await box.fill(wanted);
    await page
      .getByRole("search")
      .getByRole("status")
      .getByText(/^1 model$/)
      .waitFor();
    filtered.push(performance.now() - start);
  }
  line(`registry: from typing a name to its row, median of ${runs}`, ms(median(filtered)));
} finally {
  await browser.close();
  await installation.stop();
}
