import { useRouter } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { crumbsOf, titleOf } from "./breadcrumb";

/** After each change of the page: names the window, says the name, and moves the focus to the page's heading. */
export function RouteAnnouncer() {
  const router = useRouter();
  const [said, setSaid] = useState("");
  useEffect(() => {
    const arrive = (moves: boolean) => {
      const heading = document.querySelector<HTMLElement>("#main h1");
      const crumbs = crumbsOf(router.state.matches).map((crumb) => crumb.label);
      document.title = titleOf(crumbs.length > 0 ? crumbs : [heading?.textContent ?? ""]);
      if (!moves) return;
      setSaid(crumbs.at(-1) ?? heading?.textContent ?? "");
      if (!heading) return;
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
    };
    arrive(false);
    // A change of filters or tabs keeps the focus where the person is.
    return router.subscribe("onRendered", ({ pathChanged, fromLocation }) => arrive(pathChanged && !!fromLocation));
  }, [router]);
  return (
    <div role="status" aria-label="Page" className="sr-only">
      {said}
    </div>
  );
}
