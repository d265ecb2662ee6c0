/**
 * The batches of an epoch: shuffled, of fixed size, written into the same buffers every time.
 *
 * A last batch that is too short is filled up with other training images of weight zero: they change neither loss
 * nor gradient, and the statistics of batch normalisation still come from real images.
 */
import { InputError } from '../../errors.ts';
import type { Rng } from '../../rng.ts';
import { createAugmenter } from '../augmentation/augmenter.ts';
import type { Batch, DropoutMask } from '../engines/engine.ts';
import { dropoutLength, fillDropoutMasks } from './dropout.ts';
import { imageLengthOf, type LabelledImages } from './labelled-images.ts';
import type { Recipe } from './recipe.ts';
import { runOrderStream, trainingStream, type TrainingSeed } from './seeds.ts';
import { oneHot } from './targets.ts';

export interface BatchSourceOptions {
  readonly data: LabelledImages;
  readonly classCount: number;
  readonly recipe: Pick<Recipe, 'batchSize' | 'augmentation'>;
  /** One for each class. */
  readonly classWeights: readonly number[];
  /**
   * A batch of heavy classes weighs more than one of light ones, where it is otherwise a mean of weight 1. With weights
   * of a whole federation a site that has rare classes only then pulls as it would with all images in one place.
   */
  readonly keepsClassScale?: boolean;
  readonly dropoutMasks: readonly DropoutMask[];
  readonly seed: TrainingSeed;
  /** The order of the images is that of the whole run, so that a round can go on where the last one ended. */
  readonly continuesOrder?: boolean | undefined;
}

export interface TrainingBatch extends Batch {
  /** Examples of the batch that count. */
  readonly examples: number;
}

/** The batches of one epoch in order, from `first` (from 0) on; the arrays are overwritten by the next one. */
export type BatchSource = (epoch: number, first?: number) => Generator<TrainingBatch, void, undefined>;

export const stepsPerEpochOf = (count: number, batchSize: number): number => Math.ceil(count / batchSize);

/** 0…count−1 in random order. */
export function shuffledOrder(count: number, rng: Rng): Int32Array {
  return rng.shuffle(Int32Array.from({ length: count }, (_, i) => i));
}

/** Image numbers of batch `index`; past the end of the order it begins again. */
export function batchIndices(order: Int32Array, index: number, batchSize: number): Int32Array {
  return Int32Array.from({ length: batchSize }, (_, i) => order[(index * batchSize + i) % order.length] ?? 0);
}

/**
 * Weights of a batch's examples: in proportion to their classes' weights; zero for padding. They sum to 1, or to the mean
 * of the classes' weights where their scale is kept.
 * @throws InputError when a label has weight zero, which would silently leave out its images.
 */
export function sampleWeightsInto(
  out: Float32Array,
  labels: Int32Array,
  examples: number,
  classWeights: readonly number[],
  keepsClassScale = false,
): void {
  let sum = 0;
  for (let i = 0; i < examples; i++) {
    const weight = classWeights[labels[i] ?? -1] ?? 0;
    if (!(weight > 0))
      throw new InputError(
        `class ${String(labels[i])} has training images but the given class counts say that it has none: correct the counts`,
      );
    sum += weight;
  }
  out.fill(0);
  const divisor = keepsClassScale ? examples : sum;
  for (let i = 0; i < examples; i++) out[i] = (classWeights[labels[i] ?? -1] ?? 0) / divisor;
}

export function createBatchSource(options: BatchSourceOptions): BatchSource {
  const { data, classCount, dropoutMasks, seed } = options;
  const { batchSize } = options.recipe;
  const imageLength = imageLengthOf(data);
  const labels = new Int32Array(batchSize);
  const images = new Float32Array(batchSize * imageLength);
  const targets = new Float32Array(batchSize * classCount);
  const sampleWeights = new Float32Array(batchSize);
  const masks = new Float32Array(dropoutLength(dropoutMasks, batchSize));
  const augmenter = createAugmenter(options.recipe.augmentation, data.imageDims);

  const orderStream = (epoch: number): Rng =>
    options.continuesOrder ? runOrderStream(seed, epoch) : trainingStream(seed, 'order', epoch);

  return function* batches(epoch, first = 0) {
    const order = shuffledOrder(data.count, orderStream(epoch));
    const augmentation = trainingStream(seed, 'augmentation', epoch);
    const dropout = trainingStream(seed, 'dropout', epoch);
    for (let index = first; index * batchSize < data.count; index++) {
      const indices = batchIndices(order, index, batchSize);
      const examples = Math.min(batchSize, data.count - index * batchSize);
      indices.forEach((image, i) => {
        labels[i] = data.labels[image] ?? -1;
      });
      augmenter.write(data.images, indices, images, augmentation);
      oneHot(labels, classCount, targets);
      sampleWeightsInto(sampleWeights, labels, examples, options.classWeights, options.keepsClassScale);
      fillDropoutMasks(dropoutMasks, batchSize, dropout, masks);
      yield {
        images,
        targets,
        sampleWeights,
        examples,
        ...(dropoutMasks.length > 0 ? { dropoutMasks: masks } : {}),
      };
    }
  };
}
