/**
 * Runs `work` on the newest input: at most one at a time, begun at least `every_ms` after the last began. What was
 * overtaken before it began is left out, so that results come in the order of what they are results of.
 */
export class Paced<Input> {
  private waiting?: { input: Input };
  private timer?: ReturnType<typeof setTimeout>;
  private running?: AbortController;

  constructor(
    private readonly every_ms: number,
    private readonly work: (input: Input, signal: AbortSignal) => Promise<void>,
  ) {}

  ask(input: Input) {
    this.waiting = { input };
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.begin();
    }, this.every_ms);
  }

  /** Forgets what waits and what runs. */
  stop() {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.waiting = undefined;
    this.running?.abort();
    this.running = undefined;
  }

  private begin() {
    const next = this.waiting;
    if (!next || this.running) return; // its end begins what waits
    this.waiting = undefined;
    const running = new AbortController();
    this.running = running;
    void this.work(next.input, running.signal).finally(() => {
      if (this.running !== running) return;
      this.running = undefined;
      if (!this.timer) this.begin();
    });
  }
}
