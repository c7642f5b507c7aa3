import { createFileRoute } from "@tanstack/react-router";

/** The list above the pages of its objects, in the breadcrumb. */
export const Route = createFileRoute("/modelops/targets")({ staticData: { crumb: "Targets" } });
