/**
 * The default recipe of central training by kind of images and size of the training part. Chosen on validation
 * images only; `npm run bench:accuracy` shows what they reach on test images.
 */
import type { Dataset } from '../../shared/data/dataset.ts';
import type { PreprocessingOptions } from '../../shared/data/preprocess.ts';
import { preprocessingSchema } from '../../shared/data/preprocess.ts';
import { architectureSchema, type Architecture } from '../../shared/learning/architectures/architecture.ts';
import type { AugmentationPreset } from '../../shared/learning/augmentation/schema.ts';
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

function augmentationOf(modality: Modality): AugmentationPreset {
  switch (modality) {
    case 'xray':
      return 'xray';
    case 'ultrasound':
      return 'ultrasound';
    case 'dermatoscopy':
    case 'microscopy':
      return 'dermatoscopy';
    case 'crossSection':
    case 'unknown':
      return 'ct';
  }
}

/** Training images that are looked at in all, so that small sets are gone through more often. */
const IMAGES_SEEN = 70_000;
const FEWEST_EPOCHS = 8;
const MOST_EPOCHS = 80;

/** Decoupled: each step takes learningRate·weightDecay off a weight, about a tenth in all over a training. */
const WEIGHT_DECAY = 0.05;

const epochsFor = (trainCount: number): number =>
  Math.min(MOST_EPOCHS, Math.max(FEWEST_EPOCHS, Math.round(IMAGES_SEEN / trainCount)));

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

/**
 * Every class counts alike: by weights in the loss, or where a class is very rare by adjusting the outputs, which on
 * the validation images of HAM10000 was the better of the two.
 */
function balanceOf(counts: readonly number[]): Pick<RecipeInput, 'classWeighting' | 'logitAdjustmentTau'> {
  const present = counts.filter((count) => count > 0);
  const isRare = Math.max(...present) > MOST_WEIGHT_RATIO * Math.min(...present);
  return isRare
    ? { classWeighting: { kind: 'none' }, logitAdjustmentTau: 1 }
    : { classWeighting: { kind: 'balanced' }, logitAdjustmentTau: 0 };
}

export interface PresetRequest {
  readonly architecture?: ArchitectureRequest;
  /** Replaces single settings of the recipe. */
  readonly recipe?: RecipeInput;
}

/** @param trainCounts training images of each class */
export function presetFor(
  dataset: Pick<Dataset, 'name'> & ImageSize,
  trainCounts: readonly number[],
  request: PresetRequest = {},
): Preset {
  const modality = modalityOf(dataset.name);
  const trainCount = trainCounts.reduce((sum, count) => sum + count, 0);
  return {
    modality,
    architecture: architectureOf(request.architecture ?? {}, dataset),
    preprocessing: preprocessingSchema.parse({}),
    recipe: recipeSchema.parse({
      epochs: epochsFor(trainCount),
      weightDecay: WEIGHT_DECAY,
      augmentation: augmentationOf(modality),
      ...balanceOf(trainCounts),
      ...balanceRequest(request.recipe ?? {}),
    }),
    selection: 'balancedAccuracyAndAuc',
  };
}

/** Class weights or an adjustment that is asked for replaces the preset's choice of the two. */
function balanceRequest(recipe: RecipeInput): RecipeInput {
  if (recipe.classWeighting !== undefined) return { logitAdjustmentTau: 0, ...recipe };
  if (recipe.logitAdjustmentTau !== undefined) return { classWeighting: { kind: 'none' }, ...recipe };
  return recipe;
}
