import { tabTo, test } from "./support";

test("a drawn digit is recognised while it is drawn", async ({ visit, page }) => {
  await visit.open("/deployments/digits?tab=try");
  const pad = page.getByRole("application", { name: "Draw a digit" });
  await pad.waitFor();
  await visit.inspect();
  const box = await pad.boundingBox();
  if (!box) throw new Error("The pad is not shown");
  // A ring is a nought.
  const at = (turn: number) =>
    [
      box.x + box.width * (0.5 + 0.22 * Math.sin(turn * 2 * Math.PI)),
      box.y + box.height * (0.5 - 0.36 * Math.cos(turn * 2 * Math.PI)),
    ] as const;
  await page.mouse.move(...at(0));
  await page.mouse.down();
  for (let step = 1; step <= 40; step++) await page.mouse.move(...at(step / 40));
  await page.mouse.up();
  const probabilities = page.getByRole("region", { name: "probabilities" });
  await probabilities.getByRole("listitem").first().waitFor();
  await page
    .getByText(/answered in/i)
    .first()
    .waitFor();
  await page
    .getByText(/^Most likely\s*0/)
    .first()
    .waitFor();
  await visit.inspect();
  await page.getByRole("button", { name: "Clear" }).click();
  await probabilities.waitFor({ state: "detached" });

  await page.getByRole("button", { name: "As JSON" }).click();
  await page.getByLabel("Request").waitFor();
  await visit.inspect();
  await page.getByRole("button", { name: "Ask" }).click();
  await page
    .getByText(/answered in/i)
    .first()
    .waitFor();
  await visit.inspect();
});

test("a digit is drawn by keyboard alone", async ({ visit, page }) => {
  await visit.open("/deployments/digits?tab=try");
  await tabTo(page, page.getByRole("application", { name: "Draw a digit" }));
  await page.keyboard.press("Space");
  for (let step = 0; step < 8; step++) await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Space");
  await page
    .getByText(/^Most likely\s*\d/)
    .first()
    .waitFor();
  await page.keyboard.press("Delete");
  await page
    .getByText(/answered in/i)
    .first()
    .waitFor({ state: "detached" });
});

test("a conversation is streamed, with the time to the first token and tokens per second", async ({ visit, page }) => {
  await visit.open("/deployments/gemma-3-270m?tab=try");
  const message = page.getByLabel("Message");
  await message.waitFor();
  await visit.inspect();
  await page.getByRole("button", { name: "Settings" }).click();
  const settings = page.getByRole("dialog", { name: "Settings" });
  await settings.getByLabel("Max tokens").fill("40");
  await settings.getByLabel("Temperature").fill("0");
  await visit.inspect();
  await page.keyboard.press("Escape");
  await tabTo(page, message);
  await page.keyboard.type("The three primary colours are");
  await page.keyboard.press("Enter");
  const conversation = page.getByRole("region", { name: "Conversation" });
  await conversation.getByText(/^First token/).waitFor({ timeout: 60_000 });
  await conversation.getByText(/tokens\/s$/).waitFor();
  await visit.inspect();

  await page.getByRole("button", { name: "Clear" }).click();
  await page.getByText("the answer comes word by word").waitFor();
});

test("who may not call it reads which permission is missing, who may copies the call for a shell", async ({
  visitor,
  installation,
  visit,
  page,
}) => {
  await visit.open("/deployments/digits?tab=try");
  await page.getByRole("region", { name: "Command", exact: true }).waitFor();
  const viewer = await visitor(await installation.invite("viewer"));
  await viewer.open("/deployments/digits?tab=try");
  await viewer.page.getByText("inference:call").waitFor();
  await viewer.inspect();
});
