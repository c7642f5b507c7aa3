import { type FormEvent, useState } from "react";
import type { Schema } from "@/api/client";
import { Button } from "@/kit/button";
import { Card, CardHead } from "@/kit/card";
import { CopyText } from "@/kit/copy-text";
import { Field } from "@/kit/field";
import { Textarea } from "@/kit/input";
import { count, duration } from "@/lib/format";
import { Command } from "./command";
import { cosine, norm, vectorsOf } from "./embedding";
import { GatewayNote } from "./gateway-note";
import { type Trial, useGateway } from "./try";

type Embedded = { texts: string[]; vectors: number[][]; ms: number };

/** One or two texts as vectors, and how near they are. */
export function TryEmbedding({ deployment, trial }: { deployment: Schema<"Deployment">; trial: Trial }) {
  const gateway = useGateway(deployment.id);
  const [first, setFirst] = useState("");
  const [second, setSecond] = useState("");
  const [embedded, setEmbedded] = useState<Embedded>();
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const texts = [first, second].filter((text) => text.trim() !== "");
  const call = (input: string[]) => ({ path: "/v1/embeddings", body: { model: trial.model, input } });

  const embed = async () => {
    if (busy || texts.length === 0) return;
    setBusy(true);
    setError(undefined);
    try {
      const { response, started_ms } = await gateway.post((now) => ({
        ...call(texts),
        body: { model: now.model, input: texts },
      }));
      const vectors = vectorsOf(await response.json());
      setEmbedded({ texts, vectors, ms: performance.now() - started_ms });
    } catch (thrown) {
      setError(thrown);
    } finally {
      setBusy(false);
    }
  };

  return (
    <div className="grid gap-4">
      <Card aria-label="Embedding">
        <CardHead title={`Embed with ${deployment.model}`} sub="a text becomes a vector; near ones mean alike" />
        <form
          noValidate
          onSubmit={(event: FormEvent) => {
            event.preventDefault();
            void embed();
          }}
          className="grid gap-4 p-4"
        >
          <div className="grid gap-4 md:grid-cols-2">
            <Field label="Text">
              <Textarea rows={4} value={first} onChange={(event) => setFirst(event.target.value)} />
            </Field>
            <Field label="Another text, to compare" optional>
              <Textarea rows={4} value={second} onChange={(event) => setSecond(event.target.value)} />
            </Field>
          </div>
          <div>
            <Button type="submit" variant="primary" busy={busy} disabled={texts.length === 0} focusableWhenDisabled>
              Embed
            </Button>
          </div>
          {error !== undefined && <GatewayNote error={error} deployment={deployment} onRetry={() => void embed()} />}
        </form>
        {/* It is there before it has anything to say: only then is that read out. */}
        <p role="status" className="sr-only">
          {embedded && figures(embedded)}
        </p>
        {embedded && <Vectors {...embedded} />}
      </Card>
      <Command trial={trial} call={call(texts.length > 0 ? texts : ["A text."])} />
    </div>
  );
}

const shownValues = 8;
const number = (value: number) => value.toFixed(4);

function figures({ vectors: [a, b] }: Embedded) {
  const similarity = a && b ? cosine(a, b) : undefined;
  const alike = similarity === undefined ? "" : `, cosine similarity ${number(similarity)}`;
  return `${count(a?.length ?? 0)} dimensions${alike}`;
}

function Vectors({ texts, vectors, ms }: Embedded) {
  const [a, b] = vectors;
  const similarity = a && b ? cosine(a, b) : undefined;
  return (
    <div className="grid gap-4 border-t border-line p-4">
      <p className="flex flex-wrap gap-x-6 gap-y-1">
        {similarity !== undefined && (
          <span>
            Cosine similarity <strong className="tnum text-lg font-semibold">{number(similarity)}</strong>
          </span>
        )}
        <span className="text-fg-2">
          {count(a?.length ?? 0)} dimensions, {duration(ms)}
        </span>
      </p>
      <dl className="grid gap-3">
        {vectors.map((vector, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: there are two at most, in their order
          <div key={index} className="min-w-0">
            <dt className="truncate text-fg-2">{texts[index]}</dt>
            <dd className="flex flex-wrap items-baseline gap-x-3 gap-y-1">
              <code className="tnum font-mono text-xs wrap-anywhere">
                [{vector.slice(0, shownValues).map(number).join(", ")}
                {vector.length > shownValues && ", …"}]
              </code>
              <span className="text-xs text-fg-3">length {number(norm(vector))}</span>
              <CopyText text={JSON.stringify(vector)}>{`all ${count(vector.length)} values`}</CopyText>
            </dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
