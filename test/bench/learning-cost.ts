/** What training costs beside the engine, and whether its memory stays flat. */
import { architectureSchema, buildModel } from '../../shared/learning/architectures/architecture.ts';
import type { CompiledModel } from '../../shared/learning/engines/engine.ts';
import { openNativeEngine } from '../../shared/learning/engines/onnx-native.ts';
import { recipeSchema } from '../../shared/learning/training/recipe.ts';
import { trainLocally } from '../../shared/learning/training/trainer.ts';
import { initialWeights, manifestOf } from '../../shared/learning/weights.ts';
import { createRng, deriveSeed } from '../../shared/rng.ts';
import { prepareStep } from './learning-step.ts';

const IMAGE_DIMS: readonly [number, number, number] = [1, 28, 28];
const EXAMPLES = 640;

/** The model with a stopwatch around the engine. */
function timed(compiled: CompiledModel): { model: CompiledModel; insideMs: () => number } {
  let total = 0;
  const model: CompiledModel = {
    dropoutMasks: compiled.dropoutMasks,
    async gradients(weights, batch, out) {
      const start = performance.now();
      const result = await compiled.gradients(weights, batch, out);
      total += performance.now() - start;
      return result;
    },
    predict: (weights, images) => compiled.predict(weights, images),
    dispose: () => compiled.dispose(),
  };
  return { model, insideMs: () => total };
}

/** Percent of a training epoch at 28×28 that is not spent in the engine, once a round. */
export async function outsideShare(rounds: number): Promise<number[]> {
  const model = buildModel(architectureSchema.parse({ name: 'cnn' }), IMAGE_DIMS, 2);
  const engine = await openNativeEngine();
  const { model: compiled, insideMs } = timed(
    await engine.compile(model, { batchSize: 32, loss: 'softmax' }),
  );
  const rng = createRng(deriveSeed('outside'));
  const data = {
    images: Float32Array.from({ length: EXAMPLES * 784 }, () => rng.uniform()),
    labels: Int32Array.from({ length: EXAMPLES }, () => rng.integer(2)),
    count: EXAMPLES,
    imageDims: IMAGE_DIMS,
  };
  const shares: number[] = [];
  let weights = initialWeights(model, 1);
  for (let round = 0; round <= rounds; round++) {
    const before = insideMs();
    const start = performance.now();
    const result = await trainLocally({
      compiled,
      manifest: manifestOf(model),
      weights,
      data,
      classCount: 2,
      recipe: recipeSchema.parse({ epochs: 2 }),
      seed: { run: 'bench', round, site: 'bench' },
    });
    const total = performance.now() - start;
    weights = result.weights;
    if (round > 0) shares.push((100 * (total - (insideMs() - before))) / total);
  }
  await compiled.dispose();
  return shares;
}

/** Resident memory in MB that 4,000 further steps add. */
export async function memoryGrowthMb(): Promise<number> {
  const step = await prepareStep(await openNativeEngine(), {
    architecture: architectureSchema.parse({ name: 'cnn' }),
    imageDims: IMAGE_DIMS,
  });
  const resident = (): number => {
    globalThis.gc?.();
    return process.memoryUsage().rss / 2 ** 20;
  };
  await step.run(1000);
  const before = resident();
  await step.run(4000);
  const growth = resident() - before;
  await step.compiled.dispose();
  return growth;
}
