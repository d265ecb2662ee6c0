/** What a site computes for a round while it goes on hearing messages: training, or counting in its place. */
import { codeOf, messageOf } from '../../shared/errors.ts';
import type { RoundAct } from '../ledger/acts.ts';
import type { SessionEvent, SessionReport } from './events.ts';
import type { RoundDesk } from './round-desk.ts';

export interface RoundWorkOptions {
  /** Told what the work has ended in. */
  readonly post: (event: SessionEvent) => void;
  readonly enter: (act: RoundAct) => void;
  report?: ((report: SessionReport) => void) | undefined;
}

export class RoundWork {
  readonly #options: RoundWorkOptions;
  readonly #running = new Set<Promise<void>>();

  constructor(options: RoundWorkOptions) {
    this.#options = options;
  }

  /** `work` gives the event that it ends in. It is broken off through `desk.training`. */
  begin(desk: RoundDesk, work: (signal: AbortSignal) => Promise<SessionEvent>): void {
    const { post, enter, report } = this.#options;
    const training = new AbortController();
    desk.training = training;
    const { context } = desk;
    const done = work(training.signal).then(post, (error: unknown) => {
      if (!training.signal.aborted) {
        report?.({ kind: 'trainingFailed', context, code: codeOf(error), message: messageOf(error) });
        enter({ kind: 'attemptFailed', ...context });
      }
      post({ kind: 'trainingFailed', context });
    });
    this.#running.add(done);
    void done.finally(() => this.#running.delete(done));
  }

  /** Resolves when nothing runs any more. */
  async idle(): Promise<void> {
    await Promise.all(this.#running);
  }
}
