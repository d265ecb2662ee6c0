/** Results of imagined runs, seeded, with the shapes that commands write: the material of the report's tests. */
import { evaluateClassifier } from '../../../shared/learning/metrics/evaluate.ts';
import type { Evaluation } from '../../../shared/learning/metrics/evaluation.ts';
import { softmax } from '../../../shared/learning/metrics/probabilities.ts';
import { createRng, deriveSeed } from '../../../shared/rng.ts';
import type {
  DatasetSummary,
  FederationResult,
  SeedResult,
  TrainResult,
} from '../../../simulations/report/result-types.ts';

/** A classifier whose logits for the true class are higher by `strength` on average. */
export function exampleEvaluation(options: {
  readonly classNames: readonly string[];
  readonly strength: number;
  readonly seed: number;
  readonly count?: number;
}): Evaluation {
  const { classNames, strength, seed, count = 240 } = options;
  const k = classNames.length;
  const rng = createRng(deriveSeed('example evaluation', seed));
  const labels = Int32Array.from({ length: count }, () => Math.min(rng.integer(k), rng.integer(k)));
  const logits = Float64Array.from(
    { length: count * k },
    (_, at) => 1.2 * rng.normal() + (labels[Math.floor(at / k)] === at % k ? strength : 0),
  );
  return evaluateClassifier({
    probabilities: softmax(logits, k),
    labels,
    classNames,
    patients: Array.from(labels, (_, i) => `patient ${String(i >> 1)}`),
    bootstrap: { replicates: 200, seed },
  });
}

export const lesionNames = [
  'actinic keratosis',
  'basal cell carcinoma',
  'benign keratosis',
  'dermatofibroma',
  'melanoma',
  'melanocytic naevus',
  'vascular lesion',
];

function dataset(classNames: readonly string[], synthetic: boolean): DatasetSummary {
  const counts = (share: number): number[] =>
    classNames.map((_, c) => Math.round((share * 4200) / (1 + 1.4 * c)));
  return {
    name: synthetic ? 'phantoms' : 'medmnist:pneumoniamnist',
    synthetic,
    classNames,
    imageDims: [28, 28, 1],
    splits: [
      { name: 'train', counts: counts(0.7) },
      { name: 'validation', counts: counts(0.1) },
      { name: 'test', counts: counts(0.2) },
    ],
  };
}

const environment = {
  node: 'v20.19.0',
  engine: { name: 'onnx', version: '1.30.0', device: 'CPU, 1 thread' },
  platform: 'linux x64',
};

function exampleSeed(classNames: readonly string[], seed: number): SeedResult {
  const rng = createRng(deriveSeed('example seed', seed));
  const epochs = Array.from({ length: 20 }, (_, i) => {
    const noise = 0.02 * rng.normal();
    return {
      epoch: i + 1,
      loss: 0.15 + 0.6 * Math.exp(-i / 5) + noise / 3,
      learningRate: 0.0005 * (1 + Math.cos((Math.PI * i) / 20)),
      validation: {
        loss: 0.24 + 0.45 * Math.exp(-i / 4) + 0.004 * i + noise,
        accuracy: 0.91 - 0.3 * Math.exp(-i / 4) - noise,
        auc: 0.965 - 0.2 * Math.exp(-i / 4) - noise / 2,
      },
    };
  });
  return {
    seed,
    epochs,
    bestEpoch: 13,
    durationMs: 48_300 + 900 * seed,
    weightsDigest: 'c0ffee'.repeat(20),
    test: exampleEvaluation({ classNames, strength: 2.4, seed }),
  };
}

export function exampleTraining(options: {
  readonly classNames?: readonly string[];
  readonly seeds?: readonly number[];
  readonly synthetic?: boolean;
}): TrainResult {
  const { classNames = ['normal', 'pneumonia'], seeds = [1], synthetic = false } = options;
  return {
    title: 'cnn on pneumoniamnist',
    dataset: dataset(classNames, synthetic),
    recipe: {
      optimizer: { name: 'adamw', weightDecay: 0.01 },
      learningRate: 0.001,
      schedule: { name: 'cosine', warmUpSteps: 100 },
      batchSize: 32,
      augmentation: { rotationDegrees: 10, shift: 0.1, flip: false },
      inputs: [28, 28, 1],
    },
    seeds: seeds.map((seed) => exampleSeed(classNames, seed)),
    environment,
  };
}

export function exampleFederation(options: {
  readonly sites: number;
  readonly classNames?: readonly string[];
}): FederationResult {
  const { sites, classNames = ['normal', 'nodule', 'effusion'] } = options;
  const rng = createRng(deriveSeed('example federation', sites));
  const names = Array.from({ length: sites }, (_, i) => `hospital-${String(i + 1).padStart(2, '0')}`);
  const dropped = (round: number) =>
    round === 4 ? [{ site: names[1] ?? 'nobody', reason: 'missed the deadline' }] : [];
  return {
    title: 'A federation of virtual hospitals',
    dataset: dataset(classNames, true),
    plan: { aggregation: 'fedavg', rounds: 12, localEpochs: 1, partition: { name: 'dirichlet', alpha: 0.5 } },
    seed: 7,
    sites: names.map((name) => ({
      name,
      classCounts: classNames.map(() => Math.round(400 * rng.uniform() ** 2)),
    })),
    rounds: Array.from({ length: 12 }, (_, i) => ({
      round: i + 1,
      cohort: sites,
      survivors: sites - dropped(i + 1).length,
      dropped: dropped(i + 1),
      loss: 0.3 + 0.7 * Math.exp(-i / 4),
      validation: {
        loss: 0.36 + 0.6 * Math.exp(-i / 3.5) + 0.01 * rng.normal(),
        accuracy: 0.86 - 0.4 * Math.exp(-i / 3.5) + 0.01 * rng.normal(),
      },
      durationMs: 2100 + 300 * rng.uniform(),
      bytesUp: sites * 380_000,
      bytesDown: sites * 380_000,
      traffic: names.map((site) => ({ site, bytesUp: 380_000, bytesDown: 380_000 })),
      sites: names
        .filter((name) => !dropped(i + 1).some(({ site }) => site === name))
        .map((site, s) => ({ site, loss: 0.2 + 0.03 * (s % 7) + 0.7 * Math.exp(-i / 4) })),
    })),
    bestRound: 10,
    test: {
      federated: exampleEvaluation({ classNames, strength: 2.6, seed: 1 }),
      pooled: exampleEvaluation({ classNames, strength: 2.9, seed: 2 }),
      local: names.map((site, i) => ({
        site,
        evaluation: exampleEvaluation({
          classNames,
          strength: 1.2 + 0.1 * (i % 6),
          seed: 10 + i,
          count: 120,
        }),
      })),
    },
    siteTests: names.map((site, i) => {
      const at = (strength: number): Evaluation['metrics'] =>
        exampleEvaluation({ classNames, strength, seed: 40 + i, count: 40 }).metrics;
      const middle = 0.03 * ((i % 5) - 1);
      return {
        site,
        classCounts: classNames.map((_, c) => 20 + c),
        figures: { local: at(1.2), federated: at(2.6), pooled: at(2.9) },
        gain: { value: middle, interval: { low: middle - 0.04, high: middle + 0.04 } },
      };
    }),
    gains: {
      overLocal: { value: 0.1, interval: { low: 0.06, high: 0.14 } },
      overPooled: { value: -0.03, interval: { low: -0.06, high: 0.01 } },
    },
    planHash: 'beef'.repeat(32),
    finalDigest: 'cafe'.repeat(32),
    timings: [
      { phase: 'Federated training', durationMs: 27_400 },
      { phase: 'Local only', durationMs: 24_100 },
      { phase: 'Pooled', durationMs: 19_800 },
      { phase: 'Evaluation', durationMs: 850 },
    ],
    weightsDigest: 'c0ffee'.repeat(20),
    environment,
  };
}
