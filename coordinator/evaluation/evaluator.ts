/**
 * The coordinator's own judgement of a global model: on images that it holds out. Without any, models are published
 * unjudged and the last one counts as the best.
 */
import { InputError } from '../../shared/errors.ts';
import { openLocal } from '../../shared/data/open-local.ts';
import { preprocess } from '../../shared/data/preprocess.ts';
import { openEngine } from '../../shared/learning/engines/open-engine.ts';
import type { Model } from '../../shared/learning/graph/types.ts';
import { evaluateClassifier } from '../../shared/learning/metrics/evaluate.ts';
import { softmax } from '../../shared/learning/metrics/probabilities.ts';
import { foldFederatedPrior } from '../../shared/learning/training/prior-adjustment.ts';
import { manifestOf } from '../../shared/learning/weights.ts';
import type { Plan } from '../../shared/protocol/plan.ts';
import type { ValidationResult } from '../run/progress.ts';
import { storedEvaluation, type StoredEvaluation } from '../storage/stored-evaluation.ts';
import { validationOf } from './judge.ts';

export interface Judgement extends ValidationResult {
  /** All that is known about the model; absent where there are no images. */
  readonly evaluation?: StoredEvaluation;
}

export interface Evaluator {
  /** `classCounts`: of the federation, where the plan needs them. */
  evaluate(weights: Float32Array, classCounts?: readonly number[]): Promise<Judgement>;
  close(): Promise<void>;
}

const BATCH_SIZE = 64;
/** For 95 % intervals that people look at while a run goes on; a report makes more. */
const REPLICATES = 200;
/** Beyond it they take seconds, in which nobody else is served, and are narrow in any case. */
const MAX_RESAMPLED = 100_000;

/** A loss that falls from round to round, so that of unjudged models the last is the best. */
function unjudged(): Evaluator {
  let round = 0;
  return {
    evaluate: () => Promise.resolve({ loss: -++round, score: undefined, metrics: {} }),
    close: () => Promise.resolve(),
  };
}

/**
 * @param source what `openLocal` reads; undefined: there are no images
 * @throws InputError when the images are not of the plan's classes
 */
export async function openEvaluator(
  plan: Plan,
  network: Model,
  source: string | undefined,
): Promise<Evaluator> {
  if (source === undefined) return unjudged();
  const { classNames, imageDims } = plan.task;
  const [channels, height, width] = imageDims;
  const { dataset } = await openLocal(source, { size: { height, width }, channels });
  if (dataset.classNames.join('\n') !== classNames.join('\n'))
    throw new InputError(
      `the validation images ${source} have the classes ${dataset.classNames.join(', ')}; the plan has ${classNames.join(', ')}`,
    );
  const everything = Int32Array.from({ length: dataset.count }, (_, i) => i);
  const { images } = await preprocess(dataset, plan.preprocessing, everything);
  const engine = await openEngine('onnx');
  const compiled = await engine.compile(network, { batchSize: BATCH_SIZE, loss: 'softmax' });
  const manifest = manifestOf(network);
  const tau = plan.training.logitAdjustmentTau;
  return {
    evaluate: async (weights, counts) => {
      const used = foldFederatedPrior(weights, manifest, { counts, tau });
      const logits = await compiled.predict(used, images);
      const evaluation = evaluateClassifier({
        probabilities: softmax(logits, classNames.length),
        ...{ labels: dataset.labels, classNames, patients: dataset.patients },
        ...(dataset.count * classNames.length <= MAX_RESAMPLED && {
          bootstrap: { replicates: REPLICATES, seed: plan.seed },
        }),
      });
      return { ...validationOf(evaluation), evaluation: storedEvaluation(evaluation) };
    },
    close: () => compiled.dispose(),
  };
}
