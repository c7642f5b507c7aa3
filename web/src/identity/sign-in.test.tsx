import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, test } from "vitest";
import { refusal, renderApp, session } from "@/vitest.app";

const signedOut = { "GET /api/v1/session": () => refusal(401, "Sign in.") };

async function fill(email = "mara@example.org") {
  await userEvent.type(await screen.findByLabelText("E-mail address"), email);
  await userEvent.type(screen.getByLabelText("Password"), "correct horse battery");
}

test("without a session a page leads to the sign-in, and back to where it was", async () => {
  let signed_in = false;
  const { router, requests } = await renderApp("/modelops/nowhere?x=1", {
    "GET /api/v1/session": () => (signed_in ? session : refusal(401, "Sign in.")),
    "POST /api/v1/session": () => {
      signed_in = true;
      return session;
    },
  });
  await fill();
  await userEvent.click(screen.getByRole("button", { name: "Sign in" }));
  expect(await screen.findByRole("heading", { name: "There is no such page" })).toBeInTheDocument();
  expect(router.state.location.href).toBe("/modelops/nowhere?x=1");
  expect(await requests("POST /api/v1/session")[0]?.json()).toEqual({
    email: "mara@example.org",
    password: "correct horse battery",
  });
});

test("a refused sign-in says why, and keeps what was typed", async () => {
  await renderApp("/modelops/sign-in", {
    ...signedOut,
    "POST /api/v1/session": refusal(401, "The address, the password or the organization is wrong."),
  });
  await fill();
  await userEvent.click(screen.getByRole("button", { name: "Sign in" }));
  expect(await screen.findByRole("alert")).toHaveTextContent("The address, the password or the organization is wrong.");
  expect(screen.getByLabelText("E-mail address")).toHaveValue("mara@example.org");
});

test("after too many failures it says how long to wait", async () => {
  await renderApp("/modelops/sign-in", {
    ...signedOut,
    "POST /api/v1/session": refusal(429, "Too many failed sign-ins.", { "Retry-After": "8" }),
  });
  await fill();
  await userEvent.click(screen.getByRole("button", { name: "Sign in" }));
  expect(await screen.findByRole("alert")).toHaveTextContent("You can try again in 8 s.");
  expect(screen.getByRole("button", { name: "Sign in" })).toHaveAttribute("aria-disabled", "true");
});

test("who belongs to several organizations names one", async () => {
  const { requests } = await renderApp("/modelops/sign-in", { ...signedOut, "POST /api/v1/session": session });
  await fill();
  await userEvent.click(screen.getByRole("button", { name: "I belong to several organizations" }));
  await userEvent.type(screen.getByLabelText("Organization"), "northwind");
  await userEvent.click(screen.getByRole("button", { name: "Sign in" }));
  await waitFor(() => expect(requests("POST /api/v1/session")).toHaveLength(1));
  expect(await requests("POST /api/v1/session")[0]?.json()).toMatchObject({ organization: "northwind" });
});

test("a one-time link is used when the person says so, and leads to a password", async () => {
  let current: unknown = refusal(401, "Sign in.");
  const { requests, router } = await renderApp("/modelops/sign-in#token=mo_signin_1", {
    "GET /api/v1/session": () => current,
    "POST /api/v1/session/link": () => {
      current = { ...session, has_password: false };
      return current;
    },
    "POST /api/v1/session/password": null,
  });
  const button = await screen.findByRole("button", { name: "Sign in" });
  expect(requests("POST /api/v1/session/link")).toHaveLength(0);
  await userEvent.click(button);
  await userEvent.type(await screen.findByLabelText("New password"), "correct horse battery");
  expect(router.state.location.href).toBe("/modelops/welcome");
  await userEvent.click(screen.getByRole("button", { name: "Set password" }));
  expect(await screen.findByRole("heading", { name: "Home" })).toBeInTheDocument();
  expect(await requests("POST /api/v1/session/password")[0]?.json()).toEqual({
    new_password: "correct horse battery",
  });
  expect(router.history.length).toBe(1); // going back does not lead to the used link
});

test("choosing a password can wait", async () => {
  await renderApp("/modelops/welcome");
  await userEvent.click(await screen.findByRole("button", { name: "Skip for now" }));
  expect(await screen.findByRole("heading", { name: "Home" })).toBeInTheDocument();
});

test("a link that was used before says so, and offers the password", async () => {
  await renderApp("/modelops/sign-in#token=mo_signin_1", {
    ...signedOut,
    "POST /api/v1/session/link": refusal(401, "This sign-in link was used before or is too old. Ask for a new one."),
  });
  await userEvent.click(await screen.findByRole("button", { name: "Sign in" }));
  expect(await screen.findByRole("alert")).toHaveTextContent("used before or is too old");
  expect(screen.getByLabelText("Password")).toBeInTheDocument();
});

test("who is signed in does not see the sign-in page", async () => {
  await renderApp("/modelops/sign-in?redirect=https%3A%2F%2Fevil.example%2F");
  expect(await screen.findByRole("heading", { name: "Home" })).toBeInTheDocument();
});
