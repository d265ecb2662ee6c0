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

const epochsFor = (trainCount: number): number =>
  Math.min(MOST_EPOCHS, Math.max(FEWEST_EPOCHS, Math.round(IMAGES_SEEN / trainCount)));

/** About 95 thousand parameters; the mean over positions generalises better from few images than a dense layer. */
const CNN_OPTIONS = { filters: [32, 64, 128], dense: 0, head: 'mean', normalization: 'batch' };

function architectureOf({ name = 'cnn', ...options }: ArchitectureRequest): Architecture {
  return architectureSchema.parse({ name, options: { ...(name === 'cnn' ? CNN_OPTIONS : {}), ...options } });
}

export interface PresetRequest {
  readonly architecture?: ArchitectureRequest;
  /** Replaces single settings of the recipe. */
  readonly recipe?: RecipeInput;
}

/** @param trainCount images in the training part */
export function presetFor(
  dataset: Pick<Dataset, 'name'>,
  trainCount: number,
  request: PresetRequest = {},
): Preset {
  const modality = modalityOf(dataset.name);
  return {
    modality,
    architecture: architectureOf(request.architecture ?? {}),
    preprocessing: preprocessingSchema.parse({}),
    recipe: recipeSchema.parse({
      epochs: epochsFor(trainCount),
      augmentation: augmentationOf(modality),
      classWeighting: { kind: 'balanced' },
      ...request.recipe,
    }),
    selection: 'auc',
  };
}
