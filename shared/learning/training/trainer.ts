/** Local training: a number of epochs or steps from given weights, as a site does it in a round. */
import { learningRateAt, plateauFactor } from './schedules.ts';
import { createTrainingLoop, type EpochRecord, type TrainingInput } from './training-loop.ts';
import { withOptimizer } from './workspace.ts';

export interface LocalTraining extends TrainingInput {
  /** Default: the recipe's epochs. */
  readonly duration?: { readonly epochs: number } | { readonly steps: number };
  /** Where this training stands in a longer one that the schedule spans. Default: the schedule spans this training. */
  readonly schedulePosition?: { readonly firstStep: number; readonly totalSteps: number };
  /** Steps that earlier rounds made: this one goes on in the run's own order of the images. Default: an order of its own. */
  readonly continueFromStep?: number | undefined;
  /** Validation losses so far, for the plateau schedule. */
  readonly validationLosses?: readonly number[];
}

export interface LocalTrainingResult {
  /** A copy. */
  readonly weights: Float32Array;
  readonly epochs: readonly EpochRecord[];
  /** Steps made. */
  readonly steps: number;
  /** 'aborted': the signal came; the weights are those after the last whole step. */
  readonly stopped: 'completed' | 'aborted';
}

/**
 * Same input, same engine, same machine type: bit-identical weights.
 * @throws TrainingError when training diverges
 * @throws DataError when images and labels cannot be used
 */
export async function trainLocally(training: LocalTraining): Promise<LocalTrainingResult> {
  const { recipe } = training;
  return withOptimizer(training.compiled, training.manifest, recipe, async (optimizer) => {
    const { continueFromStep } = training;
    const continuesOrder = continueFromStep !== undefined;
    const loop = createTrainingLoop({ ...training, continuesOrder }, optimizer);
    const duration = training.duration ?? { epochs: recipe.epochs };
    const totalSteps = 'steps' in duration ? duration.steps : duration.epochs * loop.stepsPerEpoch;
    const position = training.schedulePosition ?? { firstStep: 0, totalSteps };
    const horizon = { totalSteps: position.totalSteps, stepsPerEpoch: loop.stepsPerEpoch };
    const factor = plateauFactor(recipe.schedule, training.validationLosses ?? []);
    const rate = (step: number) => factor * learningRateAt(recipe, position.firstStep + step, horizon);

    const epochs: EpochRecord[] = [];
    let steps = 0;
    while (steps < totalSteps && !training.signal?.aborted) {
      const made = (continueFromStep ?? 0) + steps;
      const epoch = Math.floor(made / loop.stepsPerEpoch) + 1;
      const firstBatch = made % loop.stepsPerEpoch;
      const record = await loop.runEpoch(epoch, rate, { totalSteps, firstBatch });
      if (!record) break;
      epochs.push(record);
      steps += record.steps;
    }
    const stopped = steps < totalSteps ? 'aborted' : 'completed';
    return { weights: optimizer.weights.slice(), epochs, steps, stopped };
  });
}
