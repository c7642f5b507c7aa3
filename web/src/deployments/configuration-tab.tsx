import { Link } from "@tanstack/react-router";
import { GitCompareArrows } from "lucide-react";
import type { Schema } from "@/api/client";
import { $api } from "@/api/queries";
import { Loaded } from "@/identity/loaded";
import { Badge } from "@/kit/badge";
import { buttonClass } from "@/kit/button";
import { Card, CardHead } from "@/kit/card";
import { CodeView } from "@/kit/code-view";
import { CopyText } from "@/kit/copy-text";
import { documentYaml, type Fact, limitFacts, probeFacts, type RevisionDocument } from "./document";
import { commandLine } from "./shell";
import { tabLink } from "./tab-link";

type Deployment = Schema<"Deployment">;

/** What it runs with: the current revision. */
export function ConfigurationTab({ deployment }: { deployment: Deployment }) {
  const revision = $api.useQuery("get", "/api/v1/deployments/{deployment}/revisions/{revision}", {
    params: { path: { deployment: deployment.id, revision: deployment.revision } },
  });
  if (!revision.data)
    return (
      <Card>
        <Loaded query={revision} what="The configuration" one="revision" lines={8} />
      </Card>
    );
  const { document, number } = revision.data;
  const compare = number > 1 && tabLink(deployment, "revisions");
  return (
    <div className="grid gap-4 lg:grid-cols-2 [&>*]:min-w-0">
      <Card aria-label="Engine" className="lg:col-span-2">
        <CardHead title="Engine" sub={document.engine} />
        <div className="grid gap-2 p-4">
          <CopyText
            text={commandLine(document.runtime.command)}
            className="items-start text-fg [&>span]:whitespace-normal [&>span]:wrap-anywhere"
          />
          <p className="text-xs text-fg-3">
            The agent fills in what stands in braces: address and port, the folder of the model's files, its own place.
          </p>
          <Variables document={document} />
        </div>
      </Card>
      <Facts title="Probes" facts={probeFacts(document)} />
      <Facts title="Limits" facts={limitFacts(document)} />
      <section aria-label="Document" className="grid gap-2 lg:col-span-2">
        <div className="flex flex-wrap items-center gap-2">
          <h2 className="text-sm font-medium">Revision {number}</h2>
          {compare && (
            <Link {...compare} className={buttonClass("secondary", "sm")}>
              <GitCompareArrows aria-hidden className="size-3.5" />
              Compare with others
            </Link>
          )}
        </div>
        <CodeView
          label="Configuration"
          language="yaml"
          value={documentYaml(document)}
          fileName={`${deployment.name}-${number}.yaml`}
        />
      </section>
    </div>
  );
}

function Facts({ title, facts }: { title: string; facts: readonly Fact[] }) {
  return (
    <Card aria-label={title}>
      <CardHead title={title} />
      <dl className="grid gap-x-4 gap-y-1.5 p-4 sm:grid-cols-[9rem_1fr]">
        {facts.map(({ label, value }) => (
          <div key={label} className="contents">
            <dt className="text-fg-3">{label}</dt>
            <dd className="wrap-anywhere">{value}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

/** Secrets are told by reference alone. */
function Variables({ document }: { document: RevisionDocument }) {
  const variables = document.environment_variables;
  if (variables.length === 0) return <p className="text-xs text-fg-3">It is given no environment variables.</p>;
  return (
    <dl aria-label="Environment variables" className="grid gap-y-1.5 font-mono text-xs">
      {variables.map((variable) => (
        <div key={variable.name} className="flex flex-wrap items-center gap-2">
          <dt>{variable.name}</dt>
          <dd className="wrap-anywhere text-fg-2">
            {variable.type === "secret" ? <Badge mono>{`secret ${variable.secret_id ?? ""}`}</Badge> : variable.value}
          </dd>
        </div>
      ))}
    </dl>
  );
}
