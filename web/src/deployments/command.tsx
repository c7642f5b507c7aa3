import { Link } from "@tanstack/react-router";
import { Check, Copy, Download, Terminal } from "lucide-react";
import { Button } from "@/kit/button";
import { Card, CardHead } from "@/kit/card";
import { download } from "@/kit/download";
import { useCopy } from "@/kit/use-copy";
import { bodyFile, curl, needsFile } from "./shell";
import type { Call, Trial } from "./try";

type CommandProps = { trial: Trial; call: Call };

const textOf = (body: unknown) =>
  typeof body === "string"
    ? body
    : JSON.stringify(body, (key, value) => (key === "stream_options" ? undefined : value));

/** The same call for a shell. */
export function Command({ trial, call }: CommandProps) {
  const { copied, copy, said } = useCopy();
  const streams = typeof call.body === "object" && (call.body as { stream?: boolean }).stream === true;
  const made = { url: trial.gateway_url + call.path, body: textOf(call.body), streams };
  const command = curl(made);
  return (
    <Card aria-label="As a command">
      <CardHead title="As a command" sub="the same call, from anywhere that reaches the gateway">
        {needsFile(made) && (
          <Button size="sm" onClick={() => download(bodyFile, made.body)}>
            <Download aria-hidden className="size-3.5" />
            {bodyFile}
          </Button>
        )}
        <Button size="sm" onClick={() => void copy(command)}>
          {copied ? <Check aria-hidden className="size-3.5 text-ok-fg" /> : <Copy aria-hidden className="size-3.5" />}
          {copied ? "Copied" : "Copy"}
        </Button>
        {said}
      </CardHead>
      <pre
        role="region"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
        tabIndex={0}
        aria-label="Command"
        className="max-h-60 overflow-auto p-4 font-mono text-xs whitespace-pre-wrap wrap-anywhere focus-visible:-outline-offset-2"
      >
        {command}
      </pre>
      <p className="flex items-center gap-1.5 border-t border-line px-4 py-2 text-xs text-fg-3">
        <Terminal aria-hidden className="size-3.5 shrink-0" />
        <span>
          Put an API key with <code className="font-mono">inference:call</code> into{" "}
          <code className="font-mono">MODELOPS_API_KEY</code> first.{" "}
          <Link to="/modelops/settings/api-keys" className="underline underline-offset-2 hover:text-fg">
            Make a key
          </Link>
        </span>
      </p>
    </Card>
  );
}
