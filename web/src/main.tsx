import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { unreachable } from "./api/problem";
import { queryClient } from "./api/queries";
import { App } from "./app";
import { watchContent } from "./lib/after-content";
import { startTheme } from "./lib/theme";
import { makeRouter } from "./router";
import "./styles.css";

// A part of the app did not come. Where the server answers, it has been replaced by another version, whose files have
// other names: the page is loaded again, once. Where it does not, the page stays, and what is missing says so.
window.addEventListener("vite:preloadError", (event) => {
  // The router itself would load the page again, even from a server that is gone.
  Object.assign(event.payload, unreachable);
  const reloaded_at = Number(sessionStorage.getItem("reloaded-at") ?? 0);
  if (Date.now() - reloaded_at < 60_000) return;
  fetch("/modelops", { method: "HEAD" }).then(
    () => {
      sessionStorage.setItem("reloaded-at", String(Date.now()));
      location.reload();
    },
    () => undefined,
  );
});

startTheme();
const router = makeRouter();
watchContent(router, queryClient);
createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <App router={router} />
  </StrictMode>,
);
