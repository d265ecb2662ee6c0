/** How long each stage of a simulation takes. Times are for people: nothing is computed from them. */
import { systemClock } from '../shared/clock.ts';
import { SimulationStopped, type SimulationHooks, type Stage } from './progress.ts';

const STAGE_NAMES: Readonly<Record<Stage, string>> = {
  data: 'Data',
  federation: 'Rounds',
  comparison: 'Comparison',
  test: 'Test',
};

export class StageTimes {
  readonly #hooks: SimulationHooks;
  readonly #timings: { phase: string; durationMs: number }[] = [];
  #current: { stage: Stage; sinceMs: number } | undefined;

  constructor(hooks: SimulationHooks) {
    this.#hooks = hooks;
  }

  /** @throws SimulationStopped when the signal has come */
  enter(stage: Stage): void {
    this.end();
    if (this.#hooks.signal?.aborted) throw new SimulationStopped('the simulation was stopped');
    this.#current = { stage, sinceMs: systemClock.elapsedMs() };
    this.#hooks.onProgress?.({ kind: 'stage', stage });
  }

  end(): readonly { phase: string; durationMs: number }[] {
    if (this.#current) {
      const { stage, sinceMs } = this.#current;
      this.#timings.push({ phase: STAGE_NAMES[stage], durationMs: systemClock.elapsedMs() - sinceMs });
      this.#current = undefined;
    }
    return this.#timings;
  }
}
