// Conversations and completions of this page. They live as long as the page, whichever part of it is shown.
import { useSyncExternalStore } from "react";
import { defaultSettings, type Figures, Reading, readAnswer, type Settings, sampling } from "./completion";
import { type Call, type Gateway, isAborted, type Trial } from "./try";

export type Turn = {
  id: number;
  question: string;
  text: string;
  thought: string;
  state: "waiting" | "running" | "done" | "stopped" | "failed";
  /** Why it ended: "stop", "length". */
  finish?: string;
  error?: unknown;
  figures?: Figures;
};

export type Generated = { turns: readonly Turn[]; settings: Settings; running: boolean };

type Kind = "chat" | "completion";

/** The call that goes on with `turns` by `question`. */
export function callOf(kind: Kind, model: string, turns: readonly Turn[], question: string, settings: Settings): Call {
  if (kind === "completion")
    return { path: "/v1/completions", body: { model, prompt: question, ...sampling(settings) } };
  const messages = [
    ...(settings.system.trim() ? [{ role: "system", content: settings.system.trim() }] : []),
    // What has no answer is no part of what the model is told.
    ...turns
      .filter((turn) => turn.text !== "")
      .flatMap((turn) => [
        { role: "user", content: turn.question },
        { role: "assistant", content: turn.text },
      ]),
    { role: "user", content: question },
  ];
  return { path: "/v1/chat/completions", body: { model, messages, ...sampling(settings) } };
}

/** What has been asked and answered, kept outside of React. */
export class Generation {
  private state: Generated = { turns: [], settings: defaultSettings, running: false };
  private readonly readers = new Set<() => void>();
  private abort?: AbortController;
  private next = 1;

  constructor(readonly kind: Kind) {}

  subscribe = (changed: () => void) => {
    this.readers.add(changed);
    return () => void this.readers.delete(changed);
  };
  current = () => this.state;

  configure = (settings: Settings) => this.show({ settings });

  /** Only one runs at a time. A completion stands alone; a chat goes on. */
  async send(gateway: Gateway, question: string): Promise<void> {
    if (this.state.running || question.trim() === "") return;
    const before = this.kind === "chat" ? this.state.turns : [];
    const turn: Turn = { id: this.next++, question, text: "", thought: "", state: "waiting" };
    const abort = new AbortController();
    this.abort = abort;
    this.show({ turns: [...before, turn], running: true });
    let reading: Reading | undefined;
    const tell = (end: Partial<Turn>) => {
      if (this.abort !== abort) return; // cleared meanwhile
      const heard = reading && { text: reading.text, thought: reading.thought, finish: reading.finish };
      const turns = this.state.turns.map((one) => (one.id === turn.id ? { ...one, ...heard, ...end } : one));
      this.show({ turns, running: end.state === "running" });
    };
    try {
      const to = (trial: Trial) => callOf(this.kind, trial.model, before, question, this.state.settings);
      const answer = await gateway.post(to, abort.signal);
      reading = new Reading(answer.started_ms);
      await readAnswer(answer, reading, () => tell({ state: "running" }));
      tell({ state: "done", figures: reading.figures() });
    } catch (error) {
      const figures = reading?.text || reading?.thought ? reading.figures() : undefined;
      tell(isAborted(error) ? { state: "stopped", figures } : { state: "failed", error, figures });
    }
  }

  stop = () => this.abort?.abort();

  /** Asks the last question again. */
  async retry(gateway: Gateway): Promise<void> {
    const last = this.state.turns.at(-1);
    if (!last || this.state.running) return;
    this.show({ turns: this.state.turns.slice(0, -1) });
    await this.send(gateway, last.question);
  }

  clear = () => {
    this.abort?.abort();
    this.abort = undefined;
    this.show({ turns: [], running: false });
  };

  private show(change: Partial<Generated>) {
    this.state = { ...this.state, ...change };
    for (const changed of this.readers) changed();
  }
}

const kept = new Map<string, Generation>();

/** `owner`: whoever is signed in sees only their own. */
export function useGeneration(kind: Kind, owner: string, deployment: string): [Generation, Generated] {
  const key = `${kind} ${owner} ${deployment}`;
  let generation = kept.get(key);
  if (!generation) {
    generation = new Generation(kind);
    kept.set(key, generation);
  }
  return [generation, useSyncExternalStore(generation.subscribe, generation.current)];
}
