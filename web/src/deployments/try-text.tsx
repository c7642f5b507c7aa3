import { ArrowUp, Eraser, Square } from "lucide-react";
import { type FormEvent, type KeyboardEvent, lazy, type Ref, Suspense, useEffect, useRef, useState } from "react";
import type { Schema } from "@/api/client";
import { useSession } from "@/identity/session";
import { Button } from "@/kit/button";
import { Card, CardHead } from "@/kit/card";
import { inputClass } from "@/kit/input";
import { Tip } from "@/kit/tip";
import { cx } from "@/lib/cx";
import { count, duration, plural } from "@/lib/format";
import { Command } from "./command";
import type { Figures } from "./completion";
import { GatewayNote } from "./gateway-note";
import { callOf, type Turn, useGeneration } from "./generation";
import { GenerationSettings } from "./generation-settings";
import { RequestLink } from "./tab-link";
import { type Trial, useGateway } from "./try";

const Markdown = lazy(() => import("@/kit/markdown").then((part) => ({ default: part.Markdown })));

type TryTextProps = { deployment: Schema<"Deployment">; trial: Trial; kind: "chat" | "completion" };

/** A conversation, or one prompt at a time; answers come as they are generated. */
export function TryText({ deployment, trial, kind }: TryTextProps) {
  const { organization_id, actor_id } = useSession();
  const gateway = useGateway(deployment.id);
  const [generation, { turns, settings, running }] = useGeneration(
    kind,
    `${organization_id} ${actor_id}`,
    deployment.id,
  );
  const [text, setText] = useState("");
  const box = useRef<HTMLTextAreaElement>(null);
  const chat = kind === "chat";

  const send = () => {
    if (running || text.trim() === "") return;
    void generation.send(gateway, text);
    if (chat) setText("");
  };
  const last = turns.at(-1);
  const shown = text.trim() || last?.question || (chat ? "Hello!" : "Once upon a time");
  const before = text.trim() || !last ? turns : turns.slice(0, -1);

  return (
    <div className="grid gap-4">
      <Card
        aria-label={chat ? "Chat" : "Completion"}
        className="flex h-[max(24rem,calc(100dvh-17rem))] flex-col overflow-hidden"
      >
        <CardHead title={chat ? `Chat with ${deployment.model}` : `Complete with ${deployment.model}`}>
          {turns.length > 0 && (
            <Button
              variant="ghost"
              onClick={() => {
                generation.clear();
                box.current?.focus();
              }}
            >
              <Eraser aria-hidden className="size-4" />
              Clear
            </Button>
          )}
          <GenerationSettings settings={settings} onChange={generation.configure} system={chat} />
        </CardHead>
        <Turns
          turns={turns}
          chat={chat}
          deployment={deployment}
          onRetry={() => void generation.retry(gateway)}
          empty={chat ? "Say something: the answer comes word by word." : "Write the beginning: the model goes on."}
        />
        <Composer
          ref={box}
          label={chat ? "Message" : "Prompt"}
          verb={chat ? "Send" : "Complete"}
          text={text}
          onText={setText}
          onSend={send}
          onStop={generation.stop}
          running={running}
        />
      </Card>
      <Command trial={trial} call={callOf(kind, trial.model, before, shown, settings)} />
    </div>
  );
}

type TurnsProps = {
  turns: readonly Turn[];
  chat: boolean;
  deployment: { name: string };
  empty: string;
  onRetry: () => void;
};

function Turns({ turns, chat, deployment, empty, onRetry }: TurnsProps) {
  const scroll = useRef<HTMLElement>(null);
  const follow = useRef(true);
  const last = turns.at(-1);
  const said = `${last?.id} ${last?.state} ${last?.text.length} ${last?.thought.length}`;
  // biome-ignore lint/correctness/useExhaustiveDependencies: whenever more is there
  useEffect(() => {
    const box = scroll.current!;
    if (follow.current) box.scrollTop = box.scrollHeight;
  }, [said]);
  // A question of one's own shows its answer, wherever one has scrolled to.
  // biome-ignore lint/correctness/useExhaustiveDependencies: with each new one
  useEffect(() => {
    follow.current = true;
  }, [last?.id]);

  const announced = last && ["done", "stopped"].includes(last.state) ? last : undefined;
  return (
    <section
      ref={scroll}
      aria-label={chat ? "Conversation" : "Result"}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
      tabIndex={0}
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        follow.current = scrollHeight - scrollTop - clientHeight < 40;
      }}
      className="min-h-0 flex-1 overflow-y-auto px-4 py-4 focus-visible:-outline-offset-2"
    >
      <p role="status" className="sr-only">
        {announced && `${announced.state === "done" ? "Answer" : "Stopped answer"}: ${announced.text}`}
      </p>
      {turns.length === 0 && <p className="grid h-full place-items-center text-center text-fg-3">{empty}</p>}
      <ol className="mx-auto grid max-w-3xl gap-5">
        {turns.map((turn) => (
          <li key={turn.id} className="grid min-w-0 gap-3">
            {chat && (
              <div className="ml-auto max-w-[85%] rounded-lg bg-hover px-3 py-2">
                <span className="sr-only">You: </span>
                <span className="whitespace-pre-wrap wrap-anywhere">{turn.question}</span>
              </div>
            )}
            <div className="min-w-0">
              <span className="sr-only">{chat ? "Model: " : ""}</span>
              {turn.thought !== "" && (
                <details className="mb-2 text-fg-2" open={turn.text === "" && turn.state === "running"}>
                  <summary className="text-xs">What it thought</summary>
                  <p className="mt-1 border-l-2 border-line pl-3 whitespace-pre-wrap wrap-anywhere">{turn.thought}</p>
                </details>
              )}
              {chat ? (
                <Answer text={turn.text.trimStart()} />
              ) : (
                <p className={plainClass}>
                  <span className="text-fg-3">{turn.question}</span>
                  {turn.text}
                </p>
              )}
              {(turn.state === "waiting" || turn.state === "running") && (
                <span aria-hidden className="pulse mt-1 inline-block h-4 w-2 rounded-[2px] bg-run" />
              )}
              <TurnFoot turn={turn} deployment={deployment} />
              {turn.state === "failed" && (
                <div className="mt-2">
                  <GatewayNote
                    error={turn.error}
                    deployment={deployment}
                    onRetry={turn === last ? onRetry : undefined}
                  />
                </div>
              )}
            </div>
          </li>
        ))}
      </ol>
    </section>
  );
}

const plainClass = "text-base whitespace-pre-wrap wrap-anywhere";

/** As it was written, until what reads Markdown is there. */
const Answer = ({ text }: { text: string }) => (
  <Suspense fallback={<p className={plainClass}>{text}</p>}>
    <Markdown text={text} />
  </Suspense>
);

function TurnFoot({ turn, deployment }: { turn: Turn; deployment: { name: string } }) {
  if (!turn.figures) return turn.state === "stopped" ? <p className="mt-1 text-xs text-fg-3">Stopped</p> : null;
  const ending = turn.state === "stopped" ? "Stopped" : turn.finish === "length" && "Cut off at max tokens";
  return (
    <p className="mt-1.5 flex flex-wrap gap-x-3 gap-y-0.5 text-xs text-fg-3">
      {figureTexts(turn.figures).map(({ text, explanation }) => (
        <Tip key={explanation} label={explanation}>
          <span className="tnum">{text}</span>
        </Tip>
      ))}
      {ending && <span className="text-warn-fg">{ending}</span>}
      <RequestLink deployment={deployment} id={turn.figures.request_id} />
    </p>
  );
}

/** Each figure that there is, and what it is. */
export function figureTexts({ first_ms, total_ms, tokens, exact, tokens_per_second, prompt_tokens }: Figures) {
  const about = exact ? "" : "≈ ";
  const prompt = prompt_tokens === undefined ? "" : `; the prompt had ${count(prompt_tokens)}`;
  const texts: { text: string; explanation: string }[] = [];
  if (first_ms !== undefined)
    texts.push({
      text: `First token ${duration(first_ms)}`,
      explanation: "From sending the question until the first token came",
    });
  texts.push({
    text: about + plural(tokens, "token"),
    explanation: exact
      ? `Of the answer, as the engine counts them${prompt}`
      : "The engine does not count tokens: these are the pieces that came",
  });
  if (tokens_per_second !== undefined)
    texts.push({
      text: `${about}${tokens_per_second >= 100 ? count(tokens_per_second) : tokens_per_second.toFixed(1)} tokens/s`,
      explanation: "After the first token",
    });
  texts.push({
    text: `${duration(total_ms)} in all`,
    explanation: "From sending the question until the last token came",
  });
  return texts;
}

type ComposerProps = {
  ref: Ref<HTMLTextAreaElement>;
  label: string;
  verb: string;
  text: string;
  onText: (text: string) => void;
  onSend: () => void;
  onStop: () => void;
  running: boolean;
};

function Composer({ ref, label, verb, text, onText, onSend, onStop, running }: ComposerProps) {
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    onSend();
  };
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    onSend();
  };
  return (
    <form onSubmit={onSubmit} className="border-t border-line p-3">
      <div className="mx-auto flex max-w-3xl items-end gap-2">
        <textarea
          ref={ref}
          aria-label={label}
          rows={1}
          value={text}
          onChange={(event) => onText(event.target.value)}
          onKeyDown={onKeyDown}
          placeholder={`${label}. Enter sends, Shift and Enter begins a new line.`}
          className={cx(inputClass, "field-sizing-content h-auto max-h-48 min-h-8 resize-none py-1.5")}
        />
        {running ? (
          <Button type="button" onClick={onStop}>
            <Square aria-hidden className="size-3.5 fill-current" />
            Stop
          </Button>
        ) : (
          <Button type="submit" variant="primary" disabled={text.trim() === ""} focusableWhenDisabled>
            <ArrowUp aria-hidden className="size-4" />
            {verb}
          </Button>
        )}
      </div>
    </form>
  );
}
