/**
 * Central training with a validation set: after each epoch the weights are judged, the best are kept and returned,
 * and training stops early when they no longer get better.
 */
import type { ValidationMetric } from './recipe.ts';
import { learningRateAt, plateauFactor } from './schedules.ts';
import { createTrainingLoop, type EpochRecord, type TrainingInput } from './training-loop.ts';
import { withOptimizer } from './workspace.ts';

export interface Validation {
  /** Lower is better. */
  readonly loss: number;
  /** Higher is better; undefined where the metric has no value on this split. */
  readonly score: number | undefined;
}

export interface FitInput extends TrainingInput {
  /** Judges the weights, which are a view that training goes on to change. */
  readonly evaluate: (weights: Float32Array) => Promise<Validation>;
  readonly onEpoch?: (record: FitEpoch) => void;
}

export interface FitEpoch extends EpochRecord {
  readonly validation: Validation;
}

export interface FitResult {
  /** A copy of the best epoch's weights; of the current ones when the signal came before any validation. */
  readonly weights: Float32Array;
  /** From 1; undefined when the signal came before any validation. */
  readonly bestEpoch: number | undefined;
  readonly epochs: readonly FitEpoch[];
  readonly stopped: 'completed' | 'aborted' | 'earlyStopping';
}

/** What is not a number is worse than any number. */
const rank = (value: number | undefined): number =>
  value === undefined || Number.isNaN(value) ? -Infinity : value;

/** Whether `candidate` is better; equal scores (common on small validation sets) are decided by the loss. */
export function isBetter(candidate: Validation, best: Validation | undefined, by: ValidationMetric): boolean {
  if (!best) return true;
  const [score, bestScore] = [rank(candidate.score), rank(best.score)];
  if (by === 'score' && score !== bestScore) return score > bestScore;
  return rank(-candidate.loss) > rank(-best.loss);
}

/** The best so far and how long ago it was. */
class BestEpoch {
  readonly #by: ValidationMetric;
  #best: FitEpoch | undefined;
  #latest = 0;

  constructor(by: ValidationMetric) {
    this.#by = by;
  }

  /** Whether `record` is the new best. */
  add(record: FitEpoch): boolean {
    this.#latest = record.epoch;
    const better = isBetter(record.validation, this.#best?.validation, this.#by);
    if (better) this.#best = record;
    return better;
  }

  get epoch(): number | undefined {
    return this.#best?.epoch;
  }

  get epochsSince(): number {
    return this.#latest - (this.#best?.epoch ?? 0);
  }
}

/**
 * Trains for the recipe's epochs.
 * @throws TrainingError when training diverges
 * @throws DataError when images and labels cannot be used
 */
export async function fit(input: FitInput): Promise<FitResult> {
  const { recipe } = input;
  return withOptimizer(input.compiled, input.manifest, recipe, async (optimizer) => {
    const loop = createTrainingLoop(input, optimizer);
    const totalSteps = recipe.epochs * loop.stepsPerEpoch;
    const horizon = { totalSteps, stepsPerEpoch: loop.stepsPerEpoch };
    const selected = new BestEpoch(recipe.selectionMetric);
    const watched = recipe.earlyStopping && new BestEpoch(recipe.earlyStopping.metric);
    const epochs: FitEpoch[] = [];
    const best = optimizer.weights.slice();
    let stopped: FitResult['stopped'] = 'completed';

    for (let epoch = 1; epoch <= recipe.epochs; epoch++) {
      const validationLosses = epochs.map(({ validation }) => validation.loss);
      const factor = plateauFactor(recipe.schedule, validationLosses);
      const rate = (step: number) => factor * learningRateAt(recipe, step, horizon);
      const trained = await loop.runEpoch(epoch, rate, { totalSteps });
      if (!trained || input.signal?.aborted) {
        stopped = 'aborted';
        break;
      }
      const record = { ...trained, validation: await input.evaluate(optimizer.weights) };
      epochs.push(record);
      if (selected.add(record)) best.set(optimizer.weights);
      input.onEpoch?.(record);
      watched?.add(record);
      if (recipe.earlyStopping && watched && watched.epochsSince >= recipe.earlyStopping.patience) {
        stopped = 'earlyStopping';
        break;
      }
    }
    const bestEpoch = selected.epoch;
    return {
      weights: bestEpoch === undefined ? optimizer.weights.slice() : best,
      bestEpoch,
      epochs,
      stopped,
    };
  });
}
