import { Eraser } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import type { Schema } from "@/api/client";
import { Bars } from "@/kit/bars";
import { Button } from "@/kit/button";
import { Card, CardHead } from "@/kit/card";
import { CodeView } from "@/kit/code-view";
import { Field } from "@/kit/field";
import { Input, Textarea } from "@/kit/input";
import { Select } from "@/kit/select";
import { cx } from "@/lib/cx";
import { duration } from "@/lib/format";
import { Command } from "./command";
import { digits8, digits28, type Stroke } from "./drawing";
import { DrawingPad } from "./drawing-pad";
import { GatewayNote } from "./gateway-note";
import { Paced } from "./paced";
import { RequestLink } from "./tab-link";
import {
  faultIn,
  type ImageInput,
  type InferRequest,
  imageInput,
  inferPath,
  isDistribution,
  outputsOf,
  requestText,
  type Tensor,
  vectorOf,
  zeros,
} from "./tensors";
import { type Call, isAborted, type Trial, useGateway } from "./try";

type TryTensorsProps = { deployment: Schema<"Deployment">; trial: Trial };
type Way = "draw" | "json";

/** Tensors in, tensors out: drawn where the input may be a small picture, else as JSON. */
export function TryTensors({ deployment, trial }: TryTensorsProps) {
  const image = useMemo(() => imageInput(trial.inputs), [trial.inputs]);
  const [way, setWay] = useState<Way>(image ? "draw" : "json");
  const [request, setRequest] = useState(() => requestText(zeros(trial.inputs)));
  const [path, setPath] = useState(inferPath(trial));
  const [strokes, setStrokes] = useState<readonly Stroke[]>([]);
  const [range, setRange] = useState<Range>(image?.datatype === "UINT8" ? "255" : "1");

  const drawn = image && picture(image, strokes, range);
  const call: Call = drawn && way === "draw" ? { path, body: oneLine(drawn) } : { path, body: request };
  return (
    <div className="grid gap-4">
      <Card aria-label="Try it">
        <CardHead title={`Ask ${deployment.model}`} sub={image ? undefined : "Open Inference Protocol, version 2"}>
          {image && <Ways way={way} onWay={setWay} />}
        </CardHead>
        {drawn && way === "draw" ? (
          <Draw
            deployment={deployment}
            image={image}
            drawn={drawn}
            path={path}
            strokes={strokes}
            onStrokes={setStrokes}
            range={range}
            onRange={setRange}
          />
        ) : (
          <AsJson
            deployment={deployment}
            request={request}
            onRequest={setRequest}
            path={path}
            onPath={trial.inputs.length === 0 ? setPath : undefined}
          />
        )}
      </Card>
      <Command trial={trial} call={call} />
    </div>
  );
}

const oneLine = (request: InferRequest) => JSON.stringify(request);

function Ways({ way, onWay }: { way: Way; onWay: (way: Way) => void }) {
  return (
    <fieldset className="flex rounded-md border border-line-strong p-0.5">
      <legend className="sr-only">How to give the input</legend>
      {(["draw", "json"] as const).map((one) => (
        <button
          key={one}
          type="button"
          aria-pressed={way === one}
          onClick={() => onWay(one)}
          className={cx(
            "h-6.5 rounded-sm px-2.5 text-xs",
            way === one ? "bg-hover font-medium" : "text-fg-2 hover:text-fg",
          )}
        >
          {one === "draw" ? "Draw" : "As JSON"}
        </button>
      ))}
    </fieldset>
  );
}

// ------------------------------------------------------------------------------------------------ drawing

/** What white to black is in numbers, where a picture of 28 x 28 does not tell. */
type Range = "1" | "255";

function picture({ name, datatype, shape, side }: ImageInput, strokes: readonly Stroke[], range: Range): InferRequest {
  const grey =
    strokes.length === 0 ? new Array<number>(side * side).fill(0) : side === 8 ? digits8(strokes) : digits28(strokes);
  const data = side === 28 && range === "255" ? grey.map((value) => Math.round(value * 255)) : grey;
  return { inputs: [{ name, shape, datatype, data }] };
}

type Asked = { outputs: Tensor[]; ms: number; request_id?: string | null; error?: unknown };

type DrawProps = {
  deployment: Schema<"Deployment">;
  image: ImageInput;
  drawn: InferRequest;
  path: string;
  strokes: readonly Stroke[];
  onStrokes: (strokes: readonly Stroke[]) => void;
  range: Range;
  onRange: (range: Range) => void;
};

function Draw({ deployment, image, drawn, path, strokes, onStrokes, range, onRange }: DrawProps) {
  const gateway = useGateway(deployment.id);
  const [asked, setAsked] = useState<Asked>();
  const paced = useMemo(
    () =>
      new Paced<Call>(150, async (call, signal) => {
        try {
          const { response, started_ms } = await gateway.post(() => call, signal);
          const answer: unknown = await response.json();
          setAsked({
            outputs: outputsOf(answer),
            ms: performance.now() - started_ms,
            request_id: response.headers.get("X-Request-Id"),
          });
        } catch (error) {
          if (!isAborted(error)) setAsked({ outputs: [], ms: 0, error });
        }
      }),
    [gateway],
  );
  useEffect(() => () => paced.stop(), [paced]);
  const body = oneLine(drawn);
  const blank = strokes.length === 0;
  useEffect(() => {
    if (blank) {
      paced.stop();
      setAsked(undefined);
    } else {
      paced.ask({ path, body });
    }
  }, [paced, path, body, blank]);

  const shades = drawn.inputs[0]!.data as number[];
  return (
    <div className="grid gap-6 p-4 md:grid-cols-[minmax(0,20rem)_minmax(0,1fr)]">
      <DrawingPad label="Draw a digit" strokes={strokes} onStrokes={onStrokes}>
        <Button size="sm" disabled={blank} focusableWhenDisabled onClick={() => onStrokes([])}>
          <Eraser aria-hidden className="size-3.5" />
          Clear
        </Button>
      </DrawingPad>
      <div className="grid max-w-2xl content-start gap-4">
        <div className="flex flex-wrap items-end gap-x-6 gap-y-3">
          <figure className="grid gap-1.5">
            <SmallView shades={shades} side={image.side} most={image.side === 8 ? 16 : Number(range)} />
            <figcaption className="text-xs text-fg-3">
              What the model sees: {image.side} × {image.side}
            </figcaption>
          </figure>
          {image.side === 28 && (
            <Select
              prefix="Values"
              value={range}
              onChange={onRange}
              options={[
                { value: "1", label: "0 to 1" },
                { value: "255", label: "0 to 255" },
              ]}
            />
          )}
        </div>
        <Said outputs={asked?.outputs} />
        {asked?.error !== undefined ? (
          <GatewayNote error={asked.error} deployment={deployment} onRetry={() => paced.ask({ path, body })} />
        ) : asked ? (
          <Outputs outputs={asked.outputs} ms={asked.ms} deployment={deployment} request_id={asked.request_id} />
        ) : (
          <p className="text-fg-3">{blank ? "The model answers while you draw." : "Asking"}</p>
        )}
      </div>
    </div>
  );
}

/** The picture as it is sent: ink by its share of the most that a pixel can have. */
function SmallView({ shades, side, most }: { shades: readonly number[]; side: number; most: number }) {
  return (
    <svg
      role="img"
      aria-label={`The drawing in ${side} by ${side} pixels`}
      viewBox={`0 0 ${side} ${side}`}
      shapeRendering="crispEdges"
      className="size-28 rounded-md border border-line bg-sunken"
    >
      {shades.map((shade, index) =>
        shade === 0 ? null : (
          <rect
            // biome-ignore lint/suspicious/noArrayIndexKey: a pixel is its place
            key={index}
            x={index % side}
            y={Math.floor(index / side)}
            width="1"
            height="1"
            fill="currentColor"
            fillOpacity={Math.min(1, shade / most)}
          />
        ),
      )}
    </svg>
  );
}

// ------------------------------------------------------------------------------------------------ answers

const plain = (value: number) => String(Number(value.toPrecision(4)));

/** The first output's largest value, and whether it is the likeliest class. */
function largest(outputs: readonly Tensor[]) {
  const values = outputs.map(vectorOf).find((found) => found !== undefined);
  return (
    values && { word: isDistribution(values) ? "Most likely" : "Largest", index: values.indexOf(Math.max(...values)) }
  );
}

/** For who does not see it. It is there before it has anything to say: only then is that read out. */
function Said({ outputs }: { outputs: readonly Tensor[] | undefined }) {
  const best = outputs && largest(outputs);
  return (
    <p role="status" className="sr-only">
      {best && `${best.word}: ${best.index}`}
    </p>
  );
}

type OutputsProps = {
  outputs: readonly Tensor[];
  ms: number;
  deployment: { name: string };
  request_id: string | null | undefined;
};

function Outputs({ outputs, ms, deployment, request_id }: OutputsProps) {
  const vectors = outputs.flatMap((output) => {
    const values = vectorOf(output);
    return values ? [{ name: output.name, values }] : [];
  });
  const best = largest(outputs);
  return (
    <div className="grid gap-4">
      <p className="flex flex-wrap items-baseline gap-x-4 gap-y-1">
        {best && (
          <span>
            {best.word} <strong className="tnum text-2xl font-semibold">{best.index}</strong>
          </span>
        )}
        <span className="text-xs text-fg-3">
          answered in <span className="tnum text-fg-2">{duration(ms)}</span>
        </span>
        <RequestLink deployment={deployment} id={request_id} />
      </p>
      {vectors.map(({ name, values }) => {
        const shares = isDistribution(values);
        return (
          <section key={name} aria-label={name} className="grid gap-2">
            <h3 className="eyebrow">{name}</h3>
            <Bars
              label={name}
              bars={values.map((value, index) => ({ label: String(index), value }))}
              {...(!shares && { max: Math.max(...values.map(Math.abs), Number.MIN_VALUE), format: plain })}
            />
          </section>
        );
      })}
    </div>
  );
}

// --------------------------------------------------------------------------------------------------- JSON

type AsJsonProps = {
  deployment: Schema<"Deployment">;
  request: string;
  onRequest: (request: string) => void;
  path: string;
  /** Where nothing is known of the engine's paths. */
  onPath?: (path: string) => void;
};

function AsJson({ deployment, request, onRequest, path, onPath }: AsJsonProps) {
  const gateway = useGateway(deployment.id);
  const [answer, setAnswer] = useState<{ json: unknown; ms: number; request_id: string | null }>();
  const [error, setError] = useState<unknown>();
  const [busy, setBusy] = useState(false);
  const fault = useMemo(() => faultIn(request), [request]);

  const ask = async () => {
    if (busy || fault) return;
    setBusy(true);
    setError(undefined);
    try {
      const { response, started_ms } = await gateway.post(() => ({ path, body: request }));
      const json: unknown = await response.json();
      setAnswer({ json, ms: performance.now() - started_ms, request_id: response.headers.get("X-Request-Id") });
    } catch (thrown) {
      setError(thrown);
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className="grid gap-4 p-4">
      {onPath && (
        <Field label="Path" hint="After the gateway's address">
          <Input mono value={path} onChange={(event) => onPath(event.target.value)} />
        </Field>
      )}
      <Field label="Request" error={fault}>
        <Textarea
          mono
          rows={12}
          value={request}
          onChange={(event) => onRequest(event.target.value)}
          className="field-sizing-content max-h-96 min-h-40"
        />
      </Field>
      <div>
        <Button
          variant="primary"
          busy={busy}
          disabled={fault !== undefined}
          focusableWhenDisabled
          onClick={() => void ask()}
        >
          Ask
        </Button>
      </div>
      {error !== undefined && <GatewayNote error={error} deployment={deployment} onRetry={() => void ask()} />}
      <Said outputs={answer && outputsOf(answer.json)} />
      {answer && (
        <>
          <Outputs
            outputs={outputsOf(answer.json)}
            ms={answer.ms}
            deployment={deployment}
            request_id={answer.request_id}
          />
          <CodeView label="Answer" language="json" value={JSON.stringify(answer.json, null, 2)} />
        </>
      )}
    </div>
  );
}
