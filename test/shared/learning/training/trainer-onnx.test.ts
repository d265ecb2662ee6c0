/** The training loop over the real CPU engine, on a network of a few hundred parameters. */
import { describe, expect, it } from 'vitest';
import { cnn } from '../../../../shared/learning/architectures/cnn.ts';
import { cnnOptionsSchema } from '../../../../shared/learning/architectures/schema.ts';
import { openNativeEngine } from '../../../../shared/learning/engines/onnx-native.ts';
import type { LabelledImages } from '../../../../shared/learning/training/labelled-images.ts';
import { compileOptionsOf, recipeSchema } from '../../../../shared/learning/training/recipe.ts';
import { trainLocally } from '../../../../shared/learning/training/trainer.ts';
import { initialWeights, manifestOf } from '../../../../shared/learning/weights.ts';
import { createRng, deriveSeed } from '../../../../shared/rng.ts';

const SIDE = 8;

/** Class 0 has a bright left half, class 1 a bright right half. */
function halves(count: number): LabelledImages {
  const rng = createRng(deriveSeed('halves'));
  const labels = Int32Array.from({ length: count }, (_, i) => i % 2);
  const images = Float32Array.from({ length: count * SIDE * SIDE }, (_, i) => {
    const right = i % SIDE >= SIDE / 2 ? 1 : 0;
    return rng.normal() * 0.7 + (right === labels[Math.floor(i / SIDE / SIDE)] ? 1 : 0);
  });
  return { images, labels, count, imageDims: [1, SIDE, SIDE] };
}

const options = cnnOptionsSchema.parse({ filters: [4, 8], dense: 8, dropout: 0.2, normalization: 'batch' });
const model = cnn([1, SIDE, SIDE], 2, options);
const manifest = manifestOf(model);
const recipe = recipeSchema.parse({ epochs: 6, batchSize: 8, learningRate: 0.01, labelSmoothing: 0.05 });

async function train() {
  const engine = await openNativeEngine();
  const compiled = await engine.compile(model, compileOptionsOf(recipe));
  const data = halves(45);
  const start = initialWeights(model, 1);
  const seed = { run: 1, round: 1, site: 'north' };
  const result = await trainLocally({
    compiled,
    manifest,
    weights: start,
    data,
    classCount: 2,
    recipe,
    seed,
  });
  const logits = await compiled.predict(result.weights, data.images);
  const right = data.labels.filter((y, i) => (logits[2 * i + y] ?? 0) > (logits[2 * i + 1 - y] ?? 0)).length;
  await compiled.dispose();
  return { ...result, start, accuracy: right / data.count };
}

describe('training on the CPU engine', () => {
  it('learns, moves the running statistics, and gives the same bits in another session', async () => {
    const first = await train();
    expect(first.accuracy).toBeGreaterThan(0.9);
    const statistics = manifest.entries.filter(
      (e) => e.kind === 'runningMean' || e.kind === 'runningVariance',
    );
    expect(statistics).not.toHaveLength(0);
    for (const { offset, length } of statistics) {
      const part = first.weights.subarray(offset, offset + length);
      expect(part).not.toEqual(first.start.subarray(offset, offset + length));
      expect(part.every(Number.isFinite)).toBe(true);
    }
    expect((await train()).weights).toEqual(first.weights);
  });
});
