import { describe, expect, it } from 'vitest';
import { fit, isBetter, type FitInput, type Validation } from '../../../../shared/learning/training/fit.ts';
import { recipeSchema, type RecipeInput } from '../../../../shared/learning/training/recipe.ts';
import { trainLocally } from '../../../../shared/learning/training/trainer.ts';
import { easyImages, fakeModel, regressionManifest } from './fake-model.ts';

const manifest = regressionManifest(4, 2);

/** Validation results are given; `seen` collects the weights that were judged. */
function scripted(recipe: RecipeInput, validations: readonly Validation[]) {
  const seen: Float32Array[] = [];
  const input: FitInput = {
    compiled: fakeModel(4, 2),
    manifest,
    weights: new Float32Array(manifest.length),
    data: easyImages(20, 4, 2),
    classCount: 2,
    recipe: recipeSchema.parse({
      learningRate: 0.1,
      schedule: { kind: 'constant' },
      batchSize: 10,
      ...recipe,
    }),
    seed: { run: 1, round: 0, site: 'central' },
    evaluate: (weights) => {
      seen.push(weights.slice());
      return Promise.resolve(validations[seen.length - 1] ?? { loss: 99, score: 0 });
    },
  };
  return { input, seen };
}

const losses = (...values: number[]) => values.map((loss) => ({ loss, score: undefined }));

describe('fit', () => {
  it('returns the weights of the best epoch, not of the last', async () => {
    const validations = [0.6, 0.9, 0.7].map((score) => ({ loss: 1, score }));
    const { input, seen } = scripted({ epochs: 3 }, validations);
    const result = await fit(input);
    expect(result.weights).toEqual(seen[1]);
    expect(result).toMatchObject({ bestEpoch: 2, stopped: 'completed' });
    expect(result.epochs.map((e) => e.validation.score)).toEqual([0.6, 0.9, 0.7]);
  });

  it('stops after `patience` epochs without a better value', async () => {
    const early: RecipeInput = {
      epochs: 20,
      selectionMetric: 'loss',
      earlyStopping: { patience: 2, metric: 'loss' },
    };
    const { input, seen } = scripted(early, losses(5, 4, 4, 3, 3, 6, 1));
    const result = await fit(input);
    expect(result).toMatchObject({ stopped: 'earlyStopping', bestEpoch: 4 });
    expect(seen).toHaveLength(6);
    expect(result.weights).toEqual(seen[3]);
  });

  it('lowers the rate on a plateau', async () => {
    const schedule = { kind: 'plateau', factor: 0.5, patienceEpochs: 0 } as const;
    const { input } = scripted({ epochs: 4, schedule }, losses(5, 5, 4, 4));
    const { epochs } = await fit(input);
    expect(epochs.map((e) => e.learningRate)).toEqual([0.1, 0.1, 0.05, 0.05]);
  });

  it('without a better checkpoint is the same training as the local one', async () => {
    const { input } = scripted({ epochs: 3 }, losses(3, 2, 1));
    expect((await fit(input)).weights).toEqual((await trainLocally(input)).weights);
  });

  it('keeps the best so far when it is aborted', async () => {
    const controller = new AbortController();
    const { input, seen } = scripted({ epochs: 9 }, losses(2, 1, 3));
    const onProgress = ({ step }: { step: number }) => {
      if (step === 7) controller.abort();
    };
    const result = await fit({ ...input, signal: controller.signal, onProgress });
    expect(result).toMatchObject({ stopped: 'aborted', bestEpoch: 2 });
    expect(result.weights).toEqual(seen[1]);
    const atOnce = await fit({ ...input, signal: AbortSignal.abort() });
    expect(atOnce).toMatchObject({ stopped: 'aborted', bestEpoch: undefined, epochs: [] });
  });

  it('reports each epoch as it is done', async () => {
    const reported: number[] = [];
    const { input } = scripted({ epochs: 3 }, losses(3, 2, 1));
    await fit({ ...input, onEpoch: (record) => reported.push(record.epoch) });
    expect(reported).toEqual([1, 2, 3]);
  });
});

describe('which validation is better', () => {
  it.each([
    { by: 'loss', candidate: { loss: 1, score: 0 }, best: { loss: 2, score: 1 }, better: true },
    { by: 'score', candidate: { loss: 1, score: 0 }, best: { loss: 2, score: 1 }, better: false },
    { by: 'score', candidate: { loss: 3, score: 1 }, best: { loss: 2, score: 0.5 }, better: true },
    { by: 'score', candidate: { loss: 1, score: 1 }, best: { loss: 2, score: 1 }, better: true },
    { by: 'score', candidate: { loss: 2, score: 1 }, best: { loss: 2, score: 1 }, better: false },
    { by: 'score', candidate: { loss: 1, score: undefined }, best: { loss: 2, score: 0.1 }, better: false },
    {
      by: 'score',
      candidate: { loss: 1, score: undefined },
      best: { loss: 2, score: undefined },
      better: true,
    },
    { by: 'loss', candidate: { loss: Number.NaN, score: 1 }, best: { loss: 2, score: 1 }, better: false },
    { by: 'loss', candidate: { loss: 2, score: 1 }, best: { loss: Number.NaN, score: 1 }, better: true },
    { by: 'score', candidate: { loss: 2, score: 1 }, best: { loss: 1, score: Number.NaN }, better: true },
  ] as const)('$by: $candidate against $best', ({ by, candidate, best, better }) => {
    expect(isBetter(candidate, best, by)).toBe(better);
  });
});

describe('fit with a thaw', () => {
  const schedule = { kind: 'constant' } as const;
  const sgd = { kind: 'sgd', momentum: 0 } as const;

  it('trains what was frozen from its epoch on, and counts steps through', async () => {
    const [kernel, ...others] = manifest.entries;
    if (!kernel) throw new Error('the manifest has a kernel');
    const frozen = { ...manifest, entries: [{ ...kernel, trainable: false, frozen: true }, ...others] };
    const { input, seen } = scripted({ epochs: 3, schedule, optimizer: sgd }, losses(3, 2, 1));
    const steps: number[] = [];
    const result = await fit({
      ...input,
      manifest: frozen,
      thaw: { fromEpoch: 3, compiled: fakeModel(4, 2), manifest },
      onProgress: ({ step, totalSteps }) => {
        expect(totalSteps).toBe(6);
        steps.push(step);
      },
    });
    expect(steps).toEqual([1, 2, 3, 4, 5, 6]);
    expect(result).toMatchObject({ stopped: 'completed', bestEpoch: 3 });
    const isZero = (weights: Float32Array | undefined): boolean =>
      weights?.subarray(0, kernel.length).every((w) => w === 0) === true;
    expect(seen.map(isZero)).toEqual([true, true, false]);
  });

  it('without momentum is the same as without a thaw where nothing was frozen', async () => {
    const plain = scripted({ epochs: 3, schedule, optimizer: sgd }, losses(3, 2, 1));
    const thawed = scripted({ epochs: 3, schedule, optimizer: sgd }, losses(3, 2, 1));
    const thaw = { fromEpoch: 2, compiled: fakeModel(4, 2), manifest };
    const expected = await fit(plain.input);
    const actual = await fit({ ...thawed.input, thaw });
    expect(actual.weights).toEqual(expected.weights);
    expect(actual.epochs).toEqual(expected.epochs);
  });

  it.each([1, 9])('at epoch %i, the first or one that never comes, has one form only', async (fromEpoch) => {
    const { input } = scripted({ epochs: 2, schedule }, losses(2, 1));
    const [before, after] = [fakeModel(4, 2), fakeModel(4, 2)];
    const result = await fit({ ...input, compiled: before, thaw: { fromEpoch, compiled: after, manifest } });
    expect(result.epochs).toHaveLength(2);
    expect([before.batches.length, after.batches.length]).toEqual(fromEpoch === 1 ? [0, 4] : [4, 0]);
  });
});

describe('learning rate factors', () => {
  it('scale the step of their part of the weights', async () => {
    const [kernel, ...others] = manifest.entries;
    if (!kernel) throw new Error('the manifest has a kernel');
    const slow = { ...manifest, entries: [{ ...kernel, learningRateFactor: 0.25 }, ...others] };
    const recipe = {
      epochs: 1,
      batchSize: 20,
      optimizer: { kind: 'sgd', momentum: 0 },
      weightDecay: 0,
    } as const;
    const plain = await fit(scripted(recipe, losses(1)).input);
    const scaled = await fit({ ...scripted(recipe, losses(1)).input, manifest: slow });
    plain.weights.forEach((weight, i) => {
      expect(scaled.weights[i]).toBeCloseTo(i < kernel.length ? weight / 4 : weight, 6);
    });
    expect(plain.weights.some((weight) => weight !== 0)).toBe(true);
  });
});
