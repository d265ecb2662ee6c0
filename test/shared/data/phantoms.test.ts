import { describe, expect, it } from 'vitest';
import { InputError } from '../../../shared/errors.ts';
import { createRng, deriveSeed } from '../../../shared/rng.ts';
import { makePhantoms } from '../../../shared/data/phantoms.ts';
import { preprocess, selectExamples, type Preprocessed } from '../../../shared/data/preprocess.ts';
import { preprocessingSchema } from '../../../shared/data/preprocessing-schema.ts';
import { applyQualityGate } from '../../../shared/data/quality.ts';
import { classCounts } from '../../../shared/data/select.ts';
import { cnn } from '../../../shared/learning/architectures/cnn.ts';
import { cnnOptionsSchema } from '../../../shared/learning/architectures/schema.ts';
import { openNativeEngine } from '../../../shared/learning/engines/onnx-native.ts';
import { compileOptionsOf, recipeSchema } from '../../../shared/learning/training/recipe.ts';
import { trainLocally } from '../../../shared/learning/training/trainer.ts';
import { initialWeights, manifestOf } from '../../../shared/learning/weights.ts';

const CLASSES = 3;

describe('makePhantoms', () => {
  it('is synthetic, of several sites, classes and patients with two images', () => {
    const dataset = makePhantoms({ seed: 1, count: 600 });
    expect(dataset.synthetic).toBe(true);
    expect([dataset.count, dataset.height, dataset.width, dataset.channels]).toEqual([600, 28, 28, 1]);
    expect(dataset.classNames).toEqual(['normal', 'nodule', 'effusion']);
    expect(Math.min(...classCounts(dataset))).toBeGreaterThan(60);
    expect(new Set(dataset.sites).size).toBe(5);
    const patients = new Set(dataset.patients).size;
    expect(patients).toBeLessThan(560);
    expect(patients).toBeGreaterThan(400);
    expect(applyQualityGate(dataset).rejected).toEqual([]);
  });

  it('gives sites their own mixes of classes and their own scanners', () => {
    const dataset = makePhantoms({ seed: 2, count: 2000, sites: 3 });
    const perSite = [...new Set(dataset.sites)].map((site) => {
      const indices = dataset.labels.map((_, i) => i).filter((i) => dataset.sites?.[i] === site);
      const brightness =
        indices.reduce((sum, i) => sum + (dataset.pixels[i * 784 + 14 * 28 + 14] ?? 0), 0) / indices.length;
      return { normal: (classCounts(dataset, indices)[0] ?? 0) / indices.length, brightness };
    });
    const range = (values: readonly number[]): number => Math.max(...values) - Math.min(...values);
    expect(range(perSite.map(({ normal }) => normal))).toBeGreaterThan(0.1);
    expect(range(perSite.map(({ brightness }) => brightness))).toBeGreaterThan(10);
  });

  it('is the same for the same seed, and does not depend on how many are made', () => {
    const few = makePhantoms({ seed: 3, count: 50 });
    const many = makePhantoms({ seed: 3, count: 80 });
    expect(many.pixels.subarray(0, few.pixels.length)).toEqual(few.pixels);
    expect(makePhantoms({ seed: 4, count: 50 }).pixels).not.toEqual(few.pixels);
  });

  it('draws the same patients at any size', () => {
    const small = makePhantoms({ seed: 5, count: 20 });
    const large = makePhantoms({ seed: 5, count: 20, size: 64 });
    expect([large.height, large.width, large.pixels.length]).toEqual([64, 64, 20 * 4096]);
    expect(large.labels[0]).toBe(small.labels[0]);
    const mean = (pixels: Iterable<number>, size: number): number =>
      Array.from(pixels)
        .slice(0, size)
        .reduce((a, b) => a + b, 0) / size;
    expect(Math.abs(mean(large.pixels, 4096) - mean(small.pixels, 784))).toBeLessThan(8);
  });

  it.each([{ count: 0 }, { count: 1.5 }, { size: 8 }, { sites: 0 }, { sites: 101 }])(
    'refuses %o',
    (wrong) => {
      expect(() => makePhantoms({ seed: 1, ...wrong })).toThrow(InputError);
    },
  );
});

/**
 * Multinomial logistic regression on standardised pixels by mini-batch gradient descent with momentum. Its figure is
 * the best over all epochs on the very test images: more than it could reach honestly.
 */
function bestLinearAccuracy(train: Preprocessed, test: Preprocessed): number {
  const length = train.images.length / train.count;
  const weights = new Float64Array(CLASSES * (length + 1));
  const velocity = new Float64Array(weights.length);
  const gradient = new Float64Array(weights.length);
  const rng = createRng(deriveSeed('linear-model', 1));
  const order = Int32Array.from({ length: train.count }, (_, i) => i);
  const logits = (data: Preprocessed, i: number): number[] =>
    Array.from({ length: CLASSES }, (_, k) => {
      const base = k * (length + 1);
      let sum = weights[base + length] ?? 0;
      for (let j = 0; j < length; j++) sum += (weights[base + j] ?? 0) * (data.images[i * length + j] ?? 0);
      return sum;
    });
  const addGradient = (i: number): void => {
    const scores = logits(train, i);
    const highest = Math.max(...scores);
    const exps = scores.map((score) => Math.exp(score - highest));
    const total = exps.reduce((a, b) => a + b, 0);
    exps.forEach((exp, k) => {
      const error = exp / total - (train.labels[i] === k ? 1 : 0);
      const base = k * (length + 1);
      for (let j = 0; j < length; j++)
        gradient[base + j] = (gradient[base + j] ?? 0) + error * (train.images[i * length + j] ?? 0);
      gradient[base + length] = (gradient[base + length] ?? 0) + error;
    });
  };
  const step = (size: number): void => {
    for (let j = 0; j < weights.length; j++) {
      const slope = (gradient[j] ?? 0) / size + 1e-3 * (weights[j] ?? 0);
      const moved = 0.9 * (velocity[j] ?? 0) - 0.002 * slope;
      velocity[j] = moved;
      weights[j] = (weights[j] ?? 0) + moved;
    }
  };
  let best = 0;
  for (let epoch = 0; epoch < 25; epoch++) {
    rng.shuffle(order);
    for (let start = 0; start < order.length; start += 50) {
      gradient.fill(0);
      const batch = order.subarray(start, start + 50);
      batch.forEach(addGradient);
      step(batch.length);
    }
    let right = 0;
    for (let i = 0; i < test.count; i++) {
      const scores = logits(test, i);
      if (scores.indexOf(Math.max(...scores)) === test.labels[i]) right++;
    }
    best = Math.max(best, right / test.count);
  }
  return best;
}

async function cnnAccuracy(train: Preprocessed, test: Preprocessed): Promise<number> {
  const recipe = recipeSchema.parse({ epochs: 9, learningRate: 2e-3 });
  const model = cnn(
    train.imageDims,
    CLASSES,
    cnnOptionsSchema.parse({ filters: [16, 32, 32], normalization: 'batch' }),
  );
  const engine = await openNativeEngine();
  const compiled = await engine.compile(model, compileOptionsOf(recipe));
  try {
    const { weights } = await trainLocally({
      compiled,
      manifest: manifestOf(model),
      weights: initialWeights(model, 1),
      data: train,
      recipe,
      classCount: CLASSES,
      seed: { run: 1, round: 0, site: 'pooled' },
    });
    const logits = await compiled.predict(weights, test.images);
    const right = test.labels.filter((label, i) => {
      const scores = Array.from(logits.subarray(i * CLASSES, (i + 1) * CLASSES));
      return scores.indexOf(Math.max(...scores)) === label;
    });
    return right.length / test.count;
  } finally {
    await compiled.dispose();
  }
}

describe('the difficulty of phantoms', () => {
  it(
    'keeps a linear model on pixels at least ten points below a small CNN',
    { timeout: 60_000 },
    async () => {
      const dataset = makePhantoms({ seed: 1, count: 2100 });
      const indices = Array.from({ length: dataset.count }, (_, i) => i);
      // The cut is between patients: 1500 is not the second image of one.
      expect(dataset.patients[1500]).not.toBe(dataset.patients[1499]);
      const options = preprocessingSchema.parse({ intensity: { kind: 'zscore' } });
      const all = await preprocess(dataset, options, indices.slice(0, 1500));
      const train = selectExamples(all, indices.slice(0, 1500));
      const test = selectExamples(all, indices.slice(1500));
      const linear = bestLinearAccuracy(train, test);
      const convolutional = await cnnAccuracy(train, test);
      expect(convolutional).toBeGreaterThan(0.85);
      expect(linear).toBeGreaterThan(0.5);
      expect(convolutional - linear).toBeGreaterThan(0.1);
    },
  );
});
