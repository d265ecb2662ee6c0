/** What the benchmarks of the simulation federate: random images, so many that training is the work. */
import { siteIdSchema } from '../../shared/ids.ts';
import { buildModel } from '../../shared/learning/architectures/architecture.ts';
import type { LabelledImages } from '../../shared/learning/training/labelled-images.ts';
import { initialWeights, manifestOf, sizeOf, type Manifest } from '../../shared/learning/weights.ts';
import type { Plan } from '../../shared/protocol/plan.ts';
import { createRng, deriveSeed } from '../../shared/rng.ts';
import { toSharedMemory, type ModelSpec } from '../../simulations/pool/tasks.ts';
import { parseSimulation, type SimulationInput } from '../../simulations/simulation-config.ts';
import { planOf } from '../../simulations/virtual/plan.ts';
import type { PreparedData, VirtualSite } from '../../simulations/virtual/prepare.ts';

export interface SceneOptions {
  readonly siteCount: number;
  readonly imagesPerSite: number;
  readonly rounds: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly protection: Plan['protection']['mode'];
  /** Default: a small one of 100,000 parameters. */
  readonly network?: Network;
  /** Default: SGD with momentum. */
  readonly training?: NonNullable<SimulationInput['training']>;
}

export interface Network {
  readonly architecture: NonNullable<SimulationInput['architecture']>;
  readonly imageDims: readonly [number, number, number];
  readonly classCount: number;
}

export interface Scene {
  readonly plan: Plan;
  readonly model: ModelSpec;
  readonly weights: Float32Array;
  readonly manifest: Manifest;
  readonly data: PreparedData;
}

/** 32 maps of 14 × 14 into 16: 100,352 weights, and 5,000 of the convolutions. */
const SMALL: Network = {
  architecture: { name: 'cnn', options: { filters: [16, 32], dense: 16, normalization: 'none' } },
  imageDims: [1, 28, 28],
  classCount: 2,
};
const MOMENTUM_SGD = { optimizer: { kind: 'sgd', momentum: 0.9 }, learningRate: 0.01 } as const;
/** Repeated over all images: training takes as long as with new ones, and drawing those would take a second. */
const DISTINCT_VALUES = 2 ** 18;
/** Judging a model is no part of what is measured. */
const VALIDATION_IMAGES = 8;

function randomImages(count: number, { imageDims, classCount }: Network, purpose: string): LabelledImages {
  const rng = createRng(deriveSeed('bench-simulate', purpose));
  const values = Float32Array.from({ length: DISTINCT_VALUES }, () => rng.uniform());
  const images = new Float32Array(count * sizeOf(imageDims));
  for (let start = 0; start < images.length; start += values.length)
    images.set(values.subarray(0, images.length - start), start);
  const labels = Int32Array.from({ length: count }, (_, i) => i % classCount);
  return toSharedMemory({ images, labels, count, imageDims });
}

/** Examples `first` to `first + count` of the same memory. */
export function partOf(data: LabelledImages, first: number, count: number): LabelledImages {
  const length = data.images.length / data.count;
  return {
    images: data.images.subarray(first * length, (first + count) * length),
    labels: data.labels.subarray(first, first + count),
    count,
    imageDims: data.imageDims,
  };
}

export function createScene(options: SceneOptions): Scene {
  const { siteCount, imagesPerSite, rounds, epochs, batchSize, protection } = options;
  const { network: chosen = SMALL, training = MOMENTUM_SGD } = options;
  const { imageDims, classCount } = chosen;
  const classNames = Array.from({ length: classCount }, (_, i) => `class ${String(i + 1)}`);
  const config = parseSimulation({
    ...{ sites: siteCount, rounds, epochs, protection, seed: 1, compare: [] },
    architecture: chosen.architecture,
    training: { ...training, batchSize },
  });
  const pooled = randomImages(siteCount * imagesPerSite, chosen, 'training');
  const sites = Array.from({ length: siteCount }, (_, i): VirtualSite => {
    const data = partOf(pooled, i * imagesPerSite, imagesPerSite);
    const siteId = siteIdSchema.parse(`site-${String(i + 1).padStart(4, '0')}`);
    const counts = classNames.map(() => imagesPerSite / classCount);
    return { siteId, name: siteId, data, classCounts: counts, testRows: new Int32Array() };
  });
  const validation = randomImages(VALIDATION_IMAGES, chosen, 'validation');
  const data: PreparedData = {
    summary: { name: 'random images', synthetic: true, classNames, splits: [] },
    classNames,
    imageDims,
    preprocessing: config.preprocessing,
    ...{ sites, pooled, validation, test: validation, testPatients: [], notices: [] },
  };
  const network = buildModel(config.architecture, imageDims, classCount);
  const weights = initialWeights(network, 1);
  const model: ModelSpec = {
    engine: 'onnx',
    architecture: config.architecture,
    imageDims,
    classCount,
    recipe: { ...config.training, epochs },
  };
  return {
    plan: planOf(config, data, { model, layout: { start: manifestOf(network) } }),
    model,
    weights,
    manifest: manifestOf(network),
    data,
  };
}
