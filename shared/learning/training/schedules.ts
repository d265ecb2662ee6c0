/**
 * The learning rate as a pure function of the step (and, for the plateau schedule, of the validation history), so that
 * a training can be continued or repeated from any step.
 */
import type { Recipe, Schedule } from './recipe.ts';

export interface Horizon {
  /** Steps of the whole training, warm-up included. */
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
}

type RateSettings = Pick<Recipe, 'learningRate' | 'schedule' | 'warmUpEpochs'>;

/** Learning rate of `step` (from 0): a linear warm-up that reaches the full rate, then the schedule over what is left. */
export function learningRateAt(recipe: RateSettings, step: number, horizon: Horizon): number {
  const warmUpSteps = Math.round(recipe.warmUpEpochs * horizon.stepsPerEpoch);
  if (step < warmUpSteps) return (recipe.learningRate * (step + 1)) / warmUpSteps;
  const remaining = { ...horizon, totalSteps: horizon.totalSteps - warmUpSteps };
  return recipe.learningRate * scheduleFactor(recipe.schedule, step - warmUpSteps, remaining);
}

/** Factor on the learning rate, in [0, 1], `step` steps after the warm-up. The plateau's factor is `plateauFactor`. */
export function scheduleFactor(schedule: Schedule, step: number, horizon: Horizon): number {
  switch (schedule.kind) {
    case 'constant':
    case 'plateau':
      return 1;
    case 'step':
      return schedule.factor ** Math.floor(step / (schedule.everyEpochs * horizon.stepsPerEpoch));
    case 'cosine': {
      // Loshchilov, Hutter 2017, "SGDR", eq. 5, without restarts.
      const progress = Math.min(1, step / Math.max(1, horizon.totalSteps));
      const { floorFraction } = schedule;
      return floorFraction + (1 - floorFraction) * 0.5 * (1 + Math.cos(Math.PI * progress));
    }
  }
}

/**
 * Factor on the learning rate after validation losses `history` (oldest first): multiplied by the schedule's factor
 * each time more than `patienceEpochs` epochs in a row brought no new minimum. 1 for every other schedule.
 */
export function plateauFactor(schedule: Schedule, history: readonly number[]): number {
  if (schedule.kind !== 'plateau') return 1;
  let factor = 1;
  let best = Infinity;
  let epochsWithout = 0;
  for (const loss of history) {
    if (loss < best) {
      best = loss;
      epochsWithout = 0;
    } else if (++epochsWithout > schedule.patienceEpochs) {
      factor *= schedule.factor;
      epochsWithout = 0;
    }
  }
  return factor;
}
