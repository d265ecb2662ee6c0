/**
 * Personalisation after a federation: a site goes on training the finished global model on its own images, with a
 * lower learning rate (Wang et al. 2019, "Federated Evaluation of On-device Personalization", §2). The result stays at
 * the site.
 */
import { z } from 'zod';
import type { SiteId } from '../../shared/ids.ts';
import type { CompiledModel } from '../../shared/learning/engines/engine.ts';
import type { LabelledImages } from '../../shared/learning/training/labelled-images.ts';
import type { Recipe } from '../../shared/learning/training/recipe.ts';
import { trainLocally } from '../../shared/learning/training/trainer.ts';
import type { Manifest } from '../../shared/learning/weights.ts';
import { personalWeights } from './local-method.ts';
import { TrainingAborted } from './local-update.ts';
import type { SiteState } from './site-state.ts';

export const fineTuningSchema = z.strictObject({
  epochs: z.int().min(1).max(1000).default(3),
  /** Of the recipe's learning rate: the global model is near its goal already. */
  learningRateFactor: z.number().gt(0).max(1).default(0.1),
});
export type FineTuning = z.infer<typeof fineTuningSchema>;

export interface PersonaliseInput {
  readonly compiled: CompiledModel;
  readonly manifest: Manifest;
  /** The global model; stays as it is. */
  readonly weights: Float32Array;
  /** What the site kept in the federation. */
  readonly state?: SiteState | undefined;
  readonly data: LabelledImages;
  readonly classCount: number;
  /** Of the federation; its schedule spans the fine-tuning. */
  readonly recipe: Recipe;
  readonly fineTuning: FineTuning;
  readonly seed: { readonly run: number; readonly site: SiteId };
  /** Looked at between steps. */
  readonly signal: AbortSignal;
}

/** Round 0 names the stream of random numbers: no round of a federation has it. */
const AFTER_THE_ROUNDS = 0;

/**
 * The site's own weights.
 * @throws TrainingAborted when the signal came before the end; TrainingError when training diverges
 */
export async function personalise(input: PersonaliseInput): Promise<Float32Array> {
  const { recipe, fineTuning, weights, state, manifest, seed } = input;
  const result = await trainLocally({
    ...input,
    weights: personalWeights(weights, state, manifest),
    recipe: { ...recipe, ...fineTuned(recipe, fineTuning) },
    seed: { run: `fine-tuning-${String(seed.run)}`, round: AFTER_THE_ROUNDS, site: seed.site },
  });
  if (result.stopped === 'aborted') throw new TrainingAborted('fine-tuning was stopped before its end');
  return result.weights;
}

function fineTuned(
  { learningRate }: Recipe,
  { epochs, learningRateFactor }: FineTuning,
): Pick<Recipe, 'epochs' | 'learningRate' | 'warmUpEpochs'> {
  return { epochs, learningRate: learningRate * learningRateFactor, warmUpEpochs: 0 };
}
