// Negative controls: what every test relies on to fail.
import { expect, test } from "./support";

test("a button without a name, faint words and a missing label are found by axe-core", async ({ visit, page }) => {
  await visit.open("");
  await page.evaluate(() => {
    const main = document.querySelector("main");
    const button = document.createElement("button");
    const words = document.createElement("p");
    words.textContent = "Hardly to be seen";
    words.style.color = "#999999";
    words.style.backgroundColor = "#aaaaaa";
    main?.append(button, words, document.createElement("select"));
  });
  const found = await visit.expectAccessible().then(
    () => "",
    (error: Error) => error.message + JSON.stringify((error as { actual?: unknown }).actual),
  );
  for (const rule of ["button-name", "color-contrast", "select-name"]) expect(found).toContain(rule);
});

test("what is too wide or cut off is found", async ({ visit, page }) => {
  await visit.open("");
  await page.evaluate(() => {
    const main = document.querySelector("main");
    const box = document.createElement("div");
    box.className = "w-40 overflow-hidden whitespace-nowrap";
    const words = document.createElement("span");
    words.textContent = "These words are much wider than the box that they stand in";
    box.append(words);
    main?.append(box);
  });
  await expect(visit.expectWhole()).rejects.toThrow();
});

test("an error, a foreign address and a refusal of the content security policy are problems", async ({
  visitor,
  installation,
}) => {
  const visit = await visitor(await installation.signInLink());
  await visit.open("");
  await visit.page.evaluate(async () => {
    console.error("an error of the page");
    setTimeout(() => {
      throw new Error("nobody caught this");
    });
    await fetch("http://127.0.0.1:9/").catch(() => undefined);
    const script = document.createElement("script");
    script.textContent = "window.ran = true";
    document.body.append(script);
  });
  for (const problem of [
    /nobody caught this/,
    /console: an error of the page/,
    /Connecting to 'http:\/\/127\.0\.0\.1:9\/' violates .*Content Security Policy/,
    /Executing inline script violates .*Content Security Policy/,
  ])
    await expect.poll(() => visit.problems.join("\n")).toMatch(problem);
  expect(await visit.page.evaluate(() => "ran" in window)).toBe(false);
  // Where no policy stands in the way, an address of another host is noticed by itself.
  await visit.page.goto("about:blank");
  await visit.page.evaluate(() => fetch("http://127.0.0.1:9/").catch(() => undefined));
  await expect.poll(() => visit.problems.join("\n")).toMatch(/foreign: http:\/\/127\.0\.0\.1:9\//);
  visit.allow(/./);
});
