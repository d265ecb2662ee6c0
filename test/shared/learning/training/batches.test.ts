import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InputError } from '../../../../shared/errors.ts';
import { createRng, deriveSeed } from '../../../../shared/rng.ts';
import { createBatchSource, sampleWeightsInto } from '../../../../shared/learning/training/batches.ts';
import { dropoutLength, fillDropoutMasks } from '../../../../shared/learning/training/dropout.ts';
import {
  trainingStream,
  type StreamPurpose,
  type TrainingSeed,
} from '../../../../shared/learning/training/seeds.ts';
import { recipeSchema } from '../../../../shared/learning/training/recipe.ts';
import type { LabelledImages } from '../../../../shared/learning/training/labelled-images.ts';

/** Image i is one pixel of value i; its label is i mod 2. */
const numbered = (count: number): LabelledImages => ({
  images: Float32Array.from({ length: count }, (_, i) => i),
  labels: Int32Array.from({ length: count }, (_, i) => i % 2),
  count,
  imageDims: [1, 1, 1],
});

function source(count: number, batchSize: number, run: number, dropout = false) {
  return createBatchSource({
    data: numbered(count),
    classCount: 2,
    recipe: recipeSchema.parse({ batchSize }),
    classWeights: [1, 1],
    dropoutMasks: dropout ? [{ length: 2, ratio: 0.5 }] : [],
    seed: { run, round: 3, site: 'site-1' },
  });
}

const copies = (count: number, batchSize: number, run = 1, epoch = 1, dropout = false) =>
  Array.from(source(count, batchSize, run, dropout)(epoch), (batch) => structuredClone(batch));

describe('batches', () => {
  it('bring every image once in an epoch; padding has weight zero and repeats real images', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 12 }),
        fc.integer(),
        (n, size, run) => {
          const batches = copies(n, size, run);
          expect(batches).toHaveLength(Math.ceil(n / size));
          const counted: number[] = [];
          for (const batch of batches) {
            expect(batch.images).toHaveLength(size);
            batch.images.forEach((value, i) => {
              expect(batch.targets[2 * i + (value % 2)]).toBe(1);
              expect(value).toBeLessThan(n);
              const weight = batch.sampleWeights[i] ?? -1;
              expect(weight).toBe(i < batch.examples ? Math.fround(1 / batch.examples) : 0);
              if (weight > 0) counted.push(value);
            });
          }
          expect(counted.sort((a, b) => a - b)).toEqual([...numbered(n).images]);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('come in an order that depends on run, round, site and epoch alone', () => {
    const order = (run: number, epoch: number, dropout: boolean) =>
      copies(30, 8, run, epoch, dropout).flatMap((batch) => [...batch.images]);
    expect(order(1, 1, false)).toEqual(order(1, 1, false));
    expect(order(1, 1, true)).toEqual(order(1, 1, false));
    expect(order(1, 2, false)).not.toEqual(order(1, 1, false));
    expect(order(2, 1, false)).not.toEqual(order(1, 1, false));
  });

  it('have dropout masks only where the model has dropout', () => {
    expect(copies(4, 4)[0]).not.toHaveProperty('dropoutMasks');
    expect(copies(4, 4, 1, 1, true)[0]?.dropoutMasks).toHaveLength(8);
  });
});

describe('random streams', () => {
  const first = (purpose: StreamPurpose, change: Partial<TrainingSeed> = {}, epoch = 1) =>
    trainingStream({ run: 1, round: 2, site: 'north', ...change }, purpose, epoch).uint32();
  it('differ in purpose, run, round, site and epoch', () => {
    const all = [
      first('order'),
      first('dropout'),
      first('augmentation'),
      first('order', { run: 2 }),
      first('order', { round: 3 }),
      first('order', { site: 'south' }),
      first('order', {}, 2),
    ];
    expect(new Set(all).size).toBe(all.length);
    expect(first('order')).toBe(all[0]);
  });
});

describe('sample weights', () => {
  it('are in proportion to the class weights and sum to 1', () => {
    const out = new Float32Array(4);
    sampleWeightsInto(out, Int32Array.of(0, 1, 0, 1), 3, [1, 2]);
    expect([...out]).toEqual([0.25, 0.5, 0.25, 0]);
  });
  it('a class that the counts deny is an error that names it', () => {
    expect(() => {
      sampleWeightsInto(new Float32Array(1), Int32Array.of(1), 1, [1, 0]);
    }).toThrow(InputError);
  });
});

describe('dropout masks', () => {
  const masks = [
    { length: 3000, ratio: 0.25 },
    { length: 1000, ratio: 0.9 },
  ];
  it('hold 0 or 1/(1−p) in the right part and the right proportion', () => {
    const out = new Float32Array(dropoutLength(masks, 4));
    fillDropoutMasks(masks, 4, createRng(deriveSeed('dropout-test')), out);
    const parts = [out.subarray(0, 12_000), out.subarray(12_000)];
    parts.forEach((part, i) => {
      const ratio = masks[i]?.ratio ?? 0;
      const kept = Math.fround(1 / (1 - ratio));
      expect(part.every((value) => value === 0 || value === kept)).toBe(true);
      const dropped = part.filter((value) => value === 0).length / part.length;
      // Five standard deviations of a binomial proportion.
      expect(Math.abs(dropped - ratio)).toBeLessThan(5 * Math.sqrt((ratio * (1 - ratio)) / part.length));
    });
    expect(out).toHaveLength(16_000);
  });
});
