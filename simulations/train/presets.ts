/**
 * The default recipe of central training by kind of images and size of the training part. Chosen on validation
 * images only; `npm run bench:accuracy` shows what they reach on test images.
 */
import type { Dataset } from '../../shared/data/dataset.ts';
import type { PreprocessingOptions } from '../../shared/data/preprocessing-schema.ts';
import { preprocessingSchema } from '../../shared/data/preprocessing-schema.ts';
import { architectureSchema, type Architecture } from '../../shared/learning/architectures/architecture.ts';
import { augmentationPreset, type Augmentation } from '../../shared/learning/augmentation/schema.ts';
import { recipeSchema, type Recipe, type RecipeInput } from '../../shared/learning/training/recipe.ts';
import type { Selection } from './selection.ts';

/** What images are of, as far as it decides what augmentation may do to them. */
export type Modality = 'xray' | 'ultrasound' | 'dermatoscopy' | 'microscopy' | 'crossSection' | 'unknown';

export const NORMALIZATIONS = ['none', 'batch', 'group'] as const;

/** What a user may ask of a model, whatever its name. */
export interface ArchitectureRequest {
  readonly name?: Architecture['name'];
  readonly normalization?: (typeof NORMALIZATIONS)[number];
  readonly dropout?: number;
}

export interface Preset {
  readonly modality: Modality;
  readonly architecture: Architecture;
  readonly preprocessing: PreprocessingOptions;
  readonly recipe: Recipe;
  readonly selection: Selection;
}

/** Words in a dataset's name, in the order in which they are looked for. */
const MODALITY_WORDS: readonly (readonly [word: RegExp, modality: Modality])[] = [
  [/phantom|pneumonia|chest|cxr|x-?ray/, 'xray'],
  [/breast|ultrasound/, 'ultrasound'],
  [/derma|ham10000|isic|skin/, 'dermatoscopy'],
  [/path|blood|tissue|histo|micro/, 'microscopy'],
  [/organ|oct|mednist|retina|ct|mr/, 'crossSection'],
];

/** By the dataset's name; 'unknown' images are treated with the least that is safe for all. */
export function modalityOf(name: string): Modality {
  const plain = name.toLowerCase();
  return MODALITY_WORDS.find(([word]) => word.test(plain))?.[1] ?? 'unknown';
}

/** The preset with what suited the images better on validation images. */
function augmentationOf(modality: Modality): Augmentation {
  switch (modality) {
    case 'xray':
      return augmentationPreset('xray');
    case 'ultrasound':
      return augmentationPreset('ultrasound');
    case 'dermatoscopy':
    case 'microscopy':
      // The flips are as good as turning and lose no border; colours mean something.
      return { ...augmentationPreset('dermatoscopy'), rotationDegrees: 5, brightness: 0.03 };
    case 'crossSection':
    case 'unknown':
      return augmentationPreset('ct');
  }
}

/** Training images that are looked at in all, so that small sets are gone through more often; colours take longer. */
const IMAGES_SEEN = { grey: 70_000, colour: 170_000 };
const FEWEST_EPOCHS = 8;
const MOST_EPOCHS = 80;

/** Decoupled: each step takes learningRate·weightDecay off a weight, about a tenth in all over a training. */
const WEIGHT_DECAY = 0.05;

function epochsFor(trainCount: number, channels: Dataset['channels']): number {
  const seen = channels === 3 ? IMAGES_SEEN.colour : IMAGES_SEEN.grey;
  return Math.min(MOST_EPOCHS, Math.max(FEWEST_EPOCHS, Math.round(seen / trainCount)));
}

/**
 * Blocks halve the image until its map is about 8 pixels wide; about 95 thousand parameters up to 64 pixels. The mean
 * over positions generalises better from few images than a dense layer.
 */
function cnnOptions({ height, width }: ImageSize): object {
  const side = Math.max(height, width);
  const filters = side <= 40 ? [32, 64, 128] : side <= 96 ? [16, 32, 64, 128] : [16, 32, 64, 128, 128];
  return { filters, dense: 0, head: 'mean', normalization: 'batch' };
}

type ImageSize = Pick<Dataset, 'height' | 'width'>;

function architectureOf({ name = 'cnn', ...options }: ArchitectureRequest, size: ImageSize): Architecture {
  return architectureSchema.parse({
    name,
    options: { ...(name === 'cnn' ? cnnOptions(size) : {}), ...options },
  });
}

/** Beyond this ratio of the most to the least frequent class its weight makes single images shake the training. */
const MOST_WEIGHT_RATIO = 10;
/** Below this many training images, weights of classes cost more accuracy than they bring. */
const FEW_IMAGES = 1000;

type LossSettings = Pick<RecipeInput, 'classWeighting' | 'logitAdjustmentTau' | 'labelSmoothing'>;

/**
 * Every class counts alike, by weights in the loss, or where a class is very rare by adjusting the outputs (the better
 * of the two on validation images of HAM10000). Few images get smoothed labels instead (the best of five settings in
 * four-fold cross-validation over the training and validation images of BreastMNIST).
 */
function lossOf(counts: readonly number[], trainCount: number): LossSettings & { selection: Selection } {
  const present = counts.filter((count) => count > 0);
  const none = { kind: 'none' } as const;
  if (Math.max(...present) > MOST_WEIGHT_RATIO * Math.min(...present))
    return { classWeighting: none, logitAdjustmentTau: 1, selection: 'balancedAccuracyAndAuc' };
  if (trainCount < FEW_IMAGES)
    return { classWeighting: none, labelSmoothing: 0.1, selection: 'accuracyAndAuc' };
  return { classWeighting: { kind: 'balanced' }, selection: 'balancedAccuracyAndAuc' };
}

export interface PresetRequest {
  readonly architecture?: ArchitectureRequest;
  /** Replaces single settings of the recipe. */
  readonly recipe?: RecipeInput;
}

/** @param trainCounts training images of each class */
export function presetFor(
  dataset: Pick<Dataset, 'name' | 'height' | 'width' | 'channels'>,
  trainCounts: readonly number[],
  request: PresetRequest = {},
): Preset {
  const modality = modalityOf(dataset.name);
  const trainCount = trainCounts.reduce((sum, count) => sum + count, 0);
  const { selection, ...loss } = lossOf(trainCounts, trainCount);
  return {
    modality,
    architecture: architectureOf(request.architecture ?? {}, dataset),
    preprocessing: preprocessingSchema.parse({}),
    recipe: recipeSchema.parse({
      epochs: epochsFor(trainCount, dataset.channels),
      weightDecay: WEIGHT_DECAY,
      augmentation: augmentationOf(modality),
      ...loss,
      ...balanceRequest(request.recipe ?? {}),
    }),
    selection,
  };
}

/** Class weights or an adjustment that is asked for replaces the preset's choice of the two. */
function balanceRequest(recipe: RecipeInput): RecipeInput {
  if (recipe.classWeighting !== undefined) return { logitAdjustmentTau: 0, ...recipe };
  if (recipe.logitAdjustmentTau !== undefined) return { classWeighting: { kind: 'none' }, ...recipe };
  return recipe;
}
