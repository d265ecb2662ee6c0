/**
 * Central training with a validation set: after each epoch the weights are judged, the best are kept and returned,
 * and training stops early when they no longer get better.
 */
import type { ValidationMetric } from './recipe.ts';
import { learningRateAt, plateauFactor } from './schedules.ts';
import {
  createTrainingLoop,
  type EpochRecord,
  type TrainingInput,
  type TrainingProgress,
} from './training-loop.ts';
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
  /**
   * From epoch `fromEpoch` (from 1) on training goes on with this form of the model, of the same layout, in which less
   * is frozen. The optimiser's moments start anew, because most of what they are of was not trained before.
   */
  readonly thaw?: Pick<TrainingInput, 'compiled' | 'manifest'> & { readonly fromEpoch: number };
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

/** What lasts over the whole training, whatever is frozen at the time. */
interface Progress {
  readonly selected: BestEpoch;
  readonly watched: BestEpoch | undefined;
  readonly epochs: FitEpoch[];
  /** The weights so far, and those of the best epoch. */
  readonly current: Float32Array;
  readonly best: Float32Array;
  steps: number;
}

/** Trains epochs `from`…`to` with one form of the model. */
async function fitEpochs(
  input: FitInput,
  progress: Progress,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<FitResult['stopped']> {
  const { recipe, onProgress } = input;
  const { epochs, selected, watched } = progress;
  const firstStep = progress.steps;
  const reported = onProgress && {
    onProgress: (made: TrainingProgress) => {
      onProgress({ ...made, step: firstStep + made.step });
    },
  };
  return withOptimizer(input.compiled, input.manifest, recipe, async (optimizer) => {
    const loop = createTrainingLoop({ ...input, ...reported, weights: progress.current }, optimizer);
    const totalSteps = recipe.epochs * loop.stepsPerEpoch;
    const horizon = { totalSteps, stepsPerEpoch: loop.stepsPerEpoch };
    for (let epoch = from; epoch <= to; epoch++) {
      const validationLosses = epochs.map(({ validation }) => validation.loss);
      const factor = plateauFactor(recipe.schedule, validationLosses);
      const rate = (step: number) => factor * learningRateAt(recipe, firstStep + step, horizon);
      const trained = await loop.runEpoch(epoch, rate, { totalSteps });
      progress.current.set(optimizer.weights);
      if (!trained || input.signal?.aborted) return 'aborted';
      progress.steps += trained.steps;
      const record = { ...trained, validation: await input.evaluate(optimizer.weights) };
      epochs.push(record);
      if (selected.add(record)) progress.best.set(optimizer.weights);
      input.onEpoch?.(record);
      watched?.add(record);
      if (recipe.earlyStopping && watched && watched.epochsSince >= recipe.earlyStopping.patience)
        return 'earlyStopping';
    }
    return 'completed';
  });
}

/**
 * Trains for the recipe's epochs.
 * @throws TrainingError when training diverges
 * @throws DataError when images and labels cannot be used
 */
export async function fit(input: FitInput): Promise<FitResult> {
  const { recipe, thaw } = input;
  const progress: Progress = {
    selected: new BestEpoch(recipe.selectionMetric),
    watched: recipe.earlyStopping && new BestEpoch(recipe.earlyStopping.metric),
    epochs: [],
    current: input.weights.slice(),
    best: input.weights.slice(),
    steps: 0,
  };
  const change = Math.min(thaw?.fromEpoch ?? recipe.epochs + 1, recipe.epochs + 1);
  let stopped = await fitEpochs(input, progress, { from: 1, to: change - 1 });
  if (thaw && stopped === 'completed' && change <= recipe.epochs) {
    const { compiled, manifest } = thaw;
    stopped = await fitEpochs({ ...input, compiled, manifest }, progress, {
      from: change,
      to: recipe.epochs,
    });
  }
  const { epochs, selected, best, current } = progress;
  const bestEpoch = selected.epoch;
  return { weights: bestEpoch === undefined ? current : best, bestEpoch, epochs, stopped };
}
