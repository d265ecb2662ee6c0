/** A site's training in one round: the model that was sent to the update that it gives, and what it says meanwhile. */
import type { Clock } from '../../shared/clock.ts';
import { ConsiliumError } from '../../shared/errors.ts';
import type { SiteId } from '../../shared/ids.ts';
import { decodeModel } from '../../shared/protocol/model-payload.ts';
import type { LocalResult, LocalTrainer } from '../training/local-update.ts';
import type { SiteState } from '../training/site-state.ts';
import type { Announced } from './interrupted-round.ts';

/** The coordinator sent something that does not fit the plan. */
class ProtocolError extends ConsiliumError {
  readonly code = 'PROTOCOL';
}

/** Well below the least time that a site may be quiet by default. */
const PROGRESS_INTERVAL_MS = 10_000;

export interface RoundTraining {
  readonly siteId: SiteId;
  readonly trainer: LocalTrainer;
  readonly clock: Clock;
  readonly announced: Announced;
  /** The model as it was sent. */
  readonly payload: Uint8Array;
  readonly state: SiteState | undefined;
  /** Of the federation, where the plan needs them. */
  readonly classCounts: readonly number[] | undefined;
  readonly signal: AbortSignal;
  /** Told the first number of steps and then one in a while. */
  tell(steps: number): void;
}

export interface Trained {
  readonly result: LocalResult;
  /** 0 where the trainer does not count them. */
  readonly steps: number;
  readonly seconds: number;
}

/** @throws ProtocolError for a model of another size than the plan's; what the trainer throws */
export async function trainInRound(options: RoundTraining): Promise<Trained> {
  const { siteId, trainer, clock, announced, payload, state, classCounts, signal } = options;
  const { plan, context } = announced;
  const model = decodeModel(payload, plan, context.round);
  if (!model) throw new ProtocolError('the model that was sent does not have the size that the plan says');
  const begunMs = clock.elapsedMs();
  let steps = 0;
  let nextMs = -Infinity;
  const onSteps = (done: number): void => {
    steps = done;
    const nowMs = clock.elapsedMs();
    if (nowMs < nextMs) return;
    nextMs = nowMs + PROGRESS_INTERVAL_MS;
    options.tell(done);
  };
  const counts = classCounts && { classCounts };
  const result = await trainer.train({ plan, context, siteId, ...model, ...counts, state, signal, onSteps });
  return { result, steps, seconds: (clock.elapsedMs() - begunMs) / 1000 };
}
