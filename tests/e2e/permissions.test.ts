import { expect, test } from "./support";

test("who may only look is offered nothing else, and a direct link says what is missing", async ({
  visitor,
  installation,
}) => {
  const viewer = await visitor(await installation.invite("viewer", "Vic"));
  const { page } = viewer;
  await viewer.open("");
  await page
    .getByRole("region", { name: "Deployments" })
    .getByRole("row", { name: /^digits / })
    .waitFor();
  expect(await page.getByRole("link", { name: /Register model|Create deployment/ }).count()).toBe(0);
  await viewer.inspect();

  await viewer.open("/registry/digits?tab=versions");
  await page.getByRole("region", { name: "Versions" }).getByText("v1", { exact: true }).waitFor();
  expect(await page.getByRole("link", { name: /^Deploy( |$)|Create version/ }).count()).toBe(0);
  expect(await page.getByRole("button", { name: /Actions for/ }).count()).toBe(0);

  await viewer.open("/deployments/digits");
  await page.getByText("Healthy").first().waitFor();
  expect(await page.getByRole("button", { name: /Scale|Restart|Stop|Actions for/ }).count()).toBe(0);
  await viewer.inspect();

  await viewer.open("/deployments/create");
  await page.getByText("deployments:write").waitFor();
  await viewer.inspect();
  await viewer.open("/register-model");
  await page.getByText("models:write").waitFor();
  await viewer.inspect();
  await viewer.open("/registry/digits/create-version");
  await page.getByText("models:write").waitFor();

  await viewer.open("/settings/members");
  expect(await page.getByRole("button", { name: /Add member|Actions for/ }).count()).toBe(0);
  await viewer.inspect();
});

test("a page whose data one may not read names the permission and the roles that have it", async ({
  visitor,
  installation,
}) => {
  await installation.call("POST", "/api/v1/roles", {
    name: "narrow",
    description: "",
    permissions: ["models:read", "roles:read"],
  });
  const narrow = await visitor(await installation.invite("narrow"));
  narrow.allow(/status of 403/);
  await narrow.open("/audit");
  await narrow.page.getByText("audit:read").waitFor();
  await narrow.page.getByText(/Ask an administrator for .*approver/).waitFor();
  await narrow.inspect();
  expect(await narrow.page.getByRole("link", { name: "Audit", exact: true }).count()).toBe(0);
});
