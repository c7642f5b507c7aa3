import { unique } from "./installation";
import { choose, expect, press, tabTo, test, toHaveFocus } from "./support";

test("a new member comes in by the link that is shown once, in another browser", async ({ visit, page, visitor }) => {
  const email = `new-${unique()}@example.org`;
  await visit.open("/settings/members");
  await page.getByRole("row", { name: /\(you\)/ }).waitFor();
  await visit.inspect();
  await page.getByRole("button", { name: "Add member" }).click();
  const dialog = page.getByRole("dialog", { name: "Add member" });
  await dialog.getByRole("button", { name: "Add member" }).click();
  await dialog.getByText("Write an e-mail address, such as mara@example.org.").waitFor();
  await dialog.getByText("Choose a role.").waitFor();
  await visit.inspect();
  await tabTo(page, dialog.getByLabel("E-mail"));
  await page.keyboard.type(email);
  await page.keyboard.press("Tab");
  await page.keyboard.type("Nia New");
  await tabTo(page, dialog.getByRole("combobox", { name: "Role" }));
  await page.keyboard.press("Enter");
  await page.getByRole("option", { name: "viewer" }).waitFor();
  await page.keyboard.type("viewer");
  await page.keyboard.press("Enter");
  await tabTo(page, dialog.getByRole("button", { name: "Add member" }));
  await page.keyboard.press("Enter");

  const once = page.getByRole("dialog", { name: `${email} is a member now` });
  await visit.inspect();
  await once.getByRole("button", { name: /sign-in#token/ }).click();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  await once.getByRole("button", { name: "I have kept it" }).click();
  await page.getByRole("row", { name: new RegExp(email) }).waitFor();

  const guest = await visitor();
  guest.allow(/status of 401/);
  await guest.page.goto(link);
  await guest.page.getByRole("button", { name: "Sign in" }).click();
  await guest.page.getByLabel("New password").fill("a long enough sentence");
  await guest.page.getByRole("button", { name: "Set password" }).click();
  await guest.page.getByRole("heading", { name: "Home" }).waitFor();
  await guest.page.getByRole("button", { name: "Account of Nia New" }).waitFor();

  // What an administrator changes applies to the next request; who is removed is out.
  await page.getByRole("button", { name: `Actions for ${email}` }).click();
  await page.getByRole("menuitem", { name: "Remove" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Remove member" }).click();
  await page.getByRole("row", { name: new RegExp(email) }).waitFor({ state: "detached" });
  await guest.page.reload();
  await guest.page.getByRole("heading", { name: "Sign in" }).waitFor();
});

test("a team gets members and shows a model to them alone", async ({ visit, page, visitor, installation }) => {
  const team = `team-${unique()}`;
  const model = await installation.model();
  const insider = await installation.person("data-scientist", `In ${unique()}`);
  await visit.open("/settings/teams");
  await page.getByRole("button", { name: "Create team" }).first().click();
  await page.getByRole("dialog").getByLabel("Name", { exact: true }).fill(team);
  await visit.inspect();
  await page.getByRole("dialog").getByRole("button", { name: "Create team" }).click();
  const card = page.getByRole("region", { name: team });
  await card.getByRole("button", { name: "Add" }).click();
  await page.getByRole("combobox", { name: "Person" }).click();
  await page.getByRole("option", { name: insider.name }).click();
  await page.getByRole("button", { name: "Add to team" }).click();
  await card.getByText(insider.name).waitFor();
  await visit.inspect();

  await installation.patch(`/api/v1/models/${model}`, { visibility: "team", team });
  const outsider = await visitor(await installation.invite("data-scientist"));
  outsider.allow(/status of 404/);
  await outsider.open(`/registry/${model}`);
  await outsider.page.getByText("There is no such model").waitFor();
  const inside = await visitor();
  inside.allow(/status of 401/);
  await inside.open(`/registry/${model}`);
  await inside.page.getByLabel("E-mail address").fill(insider.email);
  await inside.page.getByLabel("Password").fill(insider.password);
  await inside.page.getByRole("button", { name: "Sign in" }).click();
  await inside.page.getByRole("heading", { level: 1, name: model }).waitFor();
});

test("a role of one's own is made, changed and deleted, by keyboard alone", async ({ visit, page }) => {
  const role = `role-${unique()}`;
  await visit.open("/settings/roles");
  await page.getByRole("region", { name: "viewer" }).waitFor();
  await visit.inspect();
  await tabTo(page, page.getByRole("button", { name: "Create role" }));
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Create role" });
  await tabTo(page, dialog.getByLabel("Name", { exact: true }));
  await page.keyboard.type(role);
  await tabTo(page, dialog.getByRole("checkbox", { name: "models:read" }));
  await page.keyboard.press("Space");
  await visit.inspect();
  await tabTo(page, dialog.getByRole("button", { name: "Create role" }));
  await page.keyboard.press("Enter");
  const card = page.getByRole("region", { name: role });
  await card.getByText("models:read").waitFor();

  await tabTo(page, card.getByRole("button", { name: `Actions for ${role}` }));
  await page.keyboard.press("Enter");
  await choose(page, "Edit");
  const edit = page.getByRole("dialog", { name: `Edit ${role}` });
  await tabTo(page, edit.getByRole("checkbox", { name: "targets:read" }));
  await page.keyboard.press("Space");
  await tabTo(page, edit.getByRole("button", { name: "Save" }));
  await page.keyboard.press("Enter");
  await card.getByText("targets:read").waitFor();

  await tabTo(page, card.getByRole("button", { name: `Actions for ${role}` }));
  await page.keyboard.press("Enter");
  await choose(page, "Delete");
  const question = page.getByRole("alertdialog", { name: `Delete the role ${role}?` });
  await tabTo(page, question.getByRole("button", { name: "Delete role" }));
  await page.keyboard.press("Enter");
  await card.waitFor({ state: "detached" });
});

test("an API key made by keyboard alone is shown once, works, and is refused once it is revoked", async ({
  visit,
  page,
  installation,
}) => {
  const name = `key ${unique()}`;
  await visit.open("/settings/api-keys");
  await tabTo(page, page.getByRole("button", { name: "Create API key" }).first());
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Create API key" });
  await tabTo(page, dialog.getByLabel("What it is for"));
  await page.keyboard.type(name);
  await tabTo(page, dialog.getByRole("checkbox", { name: "models:read" }));
  await page.keyboard.press("Space");
  await visit.inspect();
  await tabTo(page, dialog.getByRole("button", { name: "Create key" }));
  await page.keyboard.press("Enter");
  const once = page.getByRole("dialog", { name: `API key ${name}` });
  await visit.inspect();
  await once.getByRole("button", { name: /^Copy mo_/ }).click();
  const token = await page.evaluate(() => navigator.clipboard.readText());
  const ask = (path: string) =>
    fetch(installation.places.api + path, { headers: { Authorization: `Bearer ${token}` } }).then(
      ({ status }) => status,
    );
  expect(await ask("/api/v1/models")).toBe(200);
  expect(await ask("/api/v1/members")).toBe(403);
  await once.getByRole("button", { name: "I have kept it" }).click();
  await once.waitFor({ state: "detached" });
  expect(await page.content()).not.toContain(token);
  const row = page.getByRole("row", { name: new RegExp(name) });
  await row.waitFor();
  await visit.inspect();
  await page.getByRole("button", { name: `Revoke ${name}` }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Revoke key" }).click();
  await row.waitFor({ state: "detached" });
  expect(await ask("/api/v1/models")).toBe(401);
});

test("a service account has keys of its own", async ({ visit, page }) => {
  const name = `ci-${unique()}`;
  await visit.open("/settings/api-keys");
  const accounts = page.getByRole("region", { name: "Service accounts" });
  await accounts.getByRole("button", { name: "Add" }).click();
  const dialog = page.getByRole("dialog", { name: "Create service account" });
  await dialog.getByLabel("Name", { exact: true }).fill(name);
  await dialog.getByRole("combobox", { name: "Role" }).click();
  await page.getByRole("option", { name: "viewer" }).click();
  await visit.inspect();
  await dialog.getByRole("button", { name: "Create service account" }).click();
  await accounts.getByRole("button", { name: `Create a key of ${name}` }).click();
  await page.getByRole("dialog").getByLabel("What it is for").fill("pipeline");
  await page.getByRole("dialog").getByRole("button", { name: "Create key" }).click();
  await page.getByRole("button", { name: "I have kept it" }).click();
  await accounts.getByRole("button", { name: `Delete ${name}` }).click();
  await page.getByRole("alertdialog").getByRole("textbox").fill(name);
  await page.getByRole("alertdialog").getByRole("button", { name: "Delete service account" }).click();
  await accounts.getByText(name).waitFor({ state: "detached" });
});

test("one's own password is changed in the profile", async ({ stranger, installation }) => {
  const person = await installation.person("viewer", "Pia");
  stranger.allow(/status of 4(01|22)/);
  const { page } = stranger;
  await stranger.open("/profile");
  await page.getByLabel("E-mail address").fill(person.email);
  await page.getByLabel("Password").fill(person.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { level: 1, name: "Profile" }).waitFor();
  await stranger.inspect();
  const card = page.getByRole("region", { name: "Password" });
  await card.getByLabel("Current password").fill("not it at all");
  await card.getByLabel("New password").fill("short");
  await card.getByRole("button", { name: "Change password" }).click();
  await card.getByText("12 characters or more. A sentence").waitFor();
  await card.getByLabel("New password").fill("another long sentence");
  await card.getByRole("button", { name: "Change password" }).click();
  await card.getByRole("alert").or(card.locator("[data-invalid]")).first().waitFor();
  await stranger.inspect();
  await card.getByLabel("Current password").fill(person.password);
  await card.getByRole("button", { name: "Change password" }).click();
  await card.getByText("Your password is set.").waitFor();
});

test("one's own password is changed by keyboard alone, and the new one signs in", async ({
  stranger,
  installation,
}) => {
  const person = await installation.person("viewer", "Kai Keys");
  stranger.allow(/status of 4(01|22)/);
  const { page } = stranger;
  const signIn = async (password: string) => {
    await toHaveFocus(page.getByLabel("E-mail address"));
    await page.keyboard.type(person.email);
    await page.keyboard.press("Tab");
    await page.keyboard.type(password);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "Home" }).waitFor();
  };
  await stranger.open("");
  await signIn(person.password);
  const account = page.getByRole("button", { name: "Account of Kai Keys" });
  await press(page, account);
  await choose(page, "Profile");
  await page.getByRole("heading", { level: 1, name: "Profile" }).waitFor();

  const card = page.getByRole("region", { name: "Password" });
  const [current, next] = [card.getByLabel("Current password"), card.getByLabel("New password")];
  await tabTo(page, current);
  await page.keyboard.type("not it at all");
  await tabTo(page, next);
  await page.keyboard.type("short");
  await page.keyboard.press("Enter");
  await expect.poll(() => next.getAttribute("aria-invalid")).toBe("true");
  await toHaveFocus(next);
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type("a sentence typed by hand");
  await page.keyboard.press("Enter");
  // The server says which of the two was wrong.
  await expect.poll(() => current.getAttribute("aria-invalid")).toBe("true");
  await toHaveFocus(current);
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type(person.password);
  await press(page, card.getByRole("button", { name: "Change password" }));
  await card.getByText("Your password is set.").waitFor();

  await press(page, account);
  await choose(page, "Sign out");
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await signIn("a sentence typed by hand");
});

test("the organization's name is changed and changed back", async ({ visit, page }) => {
  await visit.open("/settings/organization");
  const field = page.getByLabel("Display name");
  const before = await field.inputValue();
  await visit.inspect();
  for (const name of ["Northwind", before]) {
    await field.fill(name);
    await page.getByRole("button", { name: "Save" }).click();
    await expect.poll(() => page.getByRole("button", { name: "Save" }).isDisabled()).toBe(true);
    await page.reload();
    await expect.poll(() => field.inputValue()).toBe(name);
  }
});
