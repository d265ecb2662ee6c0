/** What the simulation's benchmark federates: random images, so many that training is the work, and a model of 100,000 parameters. */
import { siteIdSchema } from '../../shared/ids.ts';
import { buildModel } from '../../shared/learning/architectures/architecture.ts';
import type { LabelledImages } from '../../shared/learning/training/labelled-images.ts';
import { initialWeights, manifestOf, type Manifest } from '../../shared/learning/weights.ts';
import type { Plan } from '../../shared/protocol/plan.ts';
import { createRng, deriveSeed } from '../../shared/rng.ts';
import { toSharedMemory, type ModelSpec } from '../../simulations/pool/tasks.ts';
import { parseSimulation } from '../../simulations/simulation-config.ts';
import { planOf } from '../../simulations/virtual/plan.ts';
import type { PreparedData, VirtualSite } from '../../simulations/virtual/prepare.ts';

export interface SceneOptions {
  readonly siteCount: number;
  readonly imagesPerSite: number;
  readonly rounds: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly protection: Plan['protection']['mode'];
}

export interface Scene {
  readonly plan: Plan;
  readonly model: ModelSpec;
  readonly weights: Float32Array;
  readonly manifest: Manifest;
  readonly data: PreparedData;
}

const IMAGE_DIMS = [1, 28, 28] as const;
const CLASS_NAMES = ['one', 'two'];
/** 32 maps of 14 × 14 into 16: 100,352 weights, and 5,000 of the convolutions. */
const ARCHITECTURE = {
  name: 'cnn',
  options: { filters: [16, 32], dense: 16, normalization: 'none' },
} as const;
/** Judging a model is no part of what is measured. */
const VALIDATION_IMAGES = 8;

function randomImages(count: number, purpose: string): LabelledImages {
  const rng = createRng(deriveSeed('bench-simulate', purpose));
  const [channels, height, width] = IMAGE_DIMS;
  const images = Float32Array.from({ length: count * channels * height * width }, () => rng.uniform());
  const labels = Int32Array.from({ length: count }, (_, i) => i % CLASS_NAMES.length);
  return toSharedMemory({ images, labels, count, imageDims: IMAGE_DIMS });
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
  const config = parseSimulation({
    ...{ sites: siteCount, rounds, epochs, protection, seed: 1, compare: [] },
    architecture: ARCHITECTURE,
    training: { optimizer: { kind: 'sgd', momentum: 0.9 }, learningRate: 0.01, batchSize },
  });
  const pooled = randomImages(siteCount * imagesPerSite, 'training');
  const sites = Array.from({ length: siteCount }, (_, i): VirtualSite => {
    const data = partOf(pooled, i * imagesPerSite, imagesPerSite);
    const siteId = siteIdSchema.parse(`site-${String(i + 1).padStart(4, '0')}`);
    return { siteId, name: siteId, data, classCounts: [imagesPerSite / 2, imagesPerSite / 2] };
  });
  const validation = randomImages(VALIDATION_IMAGES, 'validation');
  const data: PreparedData = {
    summary: { name: 'random images', synthetic: true, classNames: CLASS_NAMES, splits: [] },
    classNames: CLASS_NAMES,
    imageDims: IMAGE_DIMS,
    preprocessing: config.preprocessing,
    ...{ sites, pooled, validation, test: validation, testPatients: [], notices: [] },
  };
  const network = buildModel(config.architecture, IMAGE_DIMS, CLASS_NAMES.length);
  const weights = initialWeights(network, 1);
  const model: ModelSpec = {
    engine: 'onnx',
    architecture: config.architecture,
    imageDims: IMAGE_DIMS,
    classCount: CLASS_NAMES.length,
    recipe: { ...config.training, epochs },
  };
  return {
    plan: planOf(config, data, model, weights.length),
    model,
    weights,
    manifest: manifestOf(network),
    data,
  };
}
