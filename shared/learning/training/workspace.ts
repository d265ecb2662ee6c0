/**
 * Keeps the optimiser's working memory of a compiled model between trainings: an engine has bound those arrays
 * already, and a federation trains the same model many times. A workspace in use is not in the cache, so that two
 * trainings at once never share one.
 */
import type { CompiledModel } from '../engines/engine.ts';
import type { Manifest } from '../weights.ts';
import { createOptimizer, type Optimizer } from './optimizers/optimizer.ts';
import type { Recipe } from './recipe.ts';

interface Workspace {
  readonly key: string;
  readonly optimizer: Optimizer;
}

const idle = new WeakMap<CompiledModel, Workspace>();

/** Runs `body` with an optimiser as new. */
export async function withOptimizer<T>(
  compiled: CompiledModel,
  manifest: Manifest,
  recipe: Pick<Recipe, 'optimizer' | 'weightDecay'>,
  body: (optimizer: Optimizer) => Promise<T>,
): Promise<T> {
  const layout = manifest.entries.map((entry) => [
    ...[entry.kind, entry.length, entry.trainable, entry.learningRateFactor],
  ]);
  const key = JSON.stringify([recipe.optimizer, recipe.weightDecay, layout]);
  const kept = idle.get(compiled);
  idle.delete(compiled);
  const options = { settings: recipe.optimizer, weightDecay: recipe.weightDecay };
  const workspace = kept?.key === key ? kept : { key, optimizer: createOptimizer(options, manifest) };
  workspace.optimizer.reset();
  try {
    return await body(workspace.optimizer);
  } finally {
    idle.set(compiled, workspace);
  }
}
