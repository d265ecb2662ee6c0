import { describe, expect, it } from 'vitest';
import { DataError, InvariantError } from '../../../../shared/errors.ts';
import { TrainingError } from '../../../../shared/learning/training/errors.ts';
import { proximalTerm } from '../../../../shared/learning/training/gradient-hooks.ts';
import { recipeSchema, type RecipeInput } from '../../../../shared/learning/training/recipe.ts';
import { trainLocally, type LocalTraining } from '../../../../shared/learning/training/trainer.ts';
import { easyImages, fakeModel, regressionManifest } from './fake-model.ts';

const FEATURES = 6;
const CLASSES = 3;
const manifest = regressionManifest(FEATURES, CLASSES);

function training(recipe: RecipeInput = {}, rest: Partial<LocalTraining> = {}): LocalTraining {
  return {
    compiled: fakeModel(FEATURES, CLASSES),
    manifest,
    weights: new Float32Array(manifest.length),
    data: easyImages(50, FEATURES, CLASSES),
    classCount: CLASSES,
    recipe: recipeSchema.parse({ learningRate: 0.05, epochs: 3, batchSize: 16, ...recipe }),
    seed: { run: 7, round: 1, site: 'north' },
    ...rest,
  };
}

describe('local training', () => {
  it('learns: the loss falls from ln 3 and the record tells steps, examples and rate', async () => {
    const { epochs, steps, stopped } = await trainLocally(training({ epochs: 10 }));
    expect(epochs).toHaveLength(10);
    expect(epochs[0]).toMatchObject({ epoch: 1, steps: 4, examples: 50 });
    expect(epochs[0]?.loss).toBeLessThan(Math.log(3));
    expect(epochs[9]?.loss).toBeLessThan((epochs[0]?.loss ?? 0) * 0.75);
    expect(epochs[9]?.learningRate).toBeLessThan(0.001);
    expect({ steps, stopped }).toEqual({ steps: 40, stopped: 'completed' });
  });

  it('one plain SGD step on the whole data is w − η·mean gradient', async () => {
    const input = training(
      {
        optimizer: { kind: 'sgd', momentum: 0 },
        learningRate: 0.5,
        schedule: { kind: 'constant' },
        batchSize: 50,
      },
      { duration: { steps: 1 } },
    );
    const { weights } = await trainLocally(input);
    const { data } = input;
    // At zero weights every probability is 1/3.
    const expected = new Float64Array(FEATURES * CLASSES);
    data.images.forEach((x, i) => {
      for (let c = 0; c < CLASSES; c++) {
        const error = 1 / 3 - (data.labels[Math.floor(i / FEATURES)] === c ? 1 : 0);
        const index = c * FEATURES + (i % FEATURES);
        expected[index] = (expected[index] ?? 0) - (0.5 * error * x) / 50;
      }
    });
    expected.forEach((value, i) => {
      expect(weights[i]).toBeCloseTo(value, 5);
    });
  });

  it('in rounds of a few steps that go on is one long training, whatever the rounds are cut into', async () => {
    // 50 images in batches of 16: an epoch has 4 steps, so that rounds of 3 cross its end.
    const recipe: RecipeInput = { optimizer: { kind: 'sgd', momentum: 0 }, schedule: { kind: 'constant' } };
    const inRounds = async (stepsPerRound: number, rounds: number) => {
      let weights: Float32Array = new Float32Array(manifest.length);
      for (let round = 1; round <= rounds; round++) {
        const duration = { steps: stepsPerRound };
        const continueFromStep = (round - 1) * stepsPerRound;
        const seed = { run: 7, round, site: 'north' };
        const input = training(recipe, { weights, duration, continueFromStep, seed });
        ({ weights } = await trainLocally(input));
      }
      return weights;
    };
    const whole = await inRounds(12, 1);
    expect(await inRounds(3, 4)).toEqual(whole);
    expect(await inRounds(1, 12)).toEqual(whole);
    expect(await inRounds(5, 2)).not.toEqual(whole);
  });

  it('is bit-identical for the same seed and differs for another', async () => {
    const settings: RecipeInput = { augmentation: { shiftFraction: 0.2, brightness: 0.1 } };
    const make = (site: string) => {
      const compiled = fakeModel(FEATURES, CLASSES, 0.25);
      return trainLocally(training(settings, { compiled, seed: { run: 7, round: 1, site } }));
    };
    const first = await make('north');
    expect((await make('north')).weights).toEqual(first.weights);
    expect((await make('south')).weights).not.toEqual(first.weights);
  });

  it('gives the same again on the same compiled model, and two at once do not meet', async () => {
    const compiled = fakeModel(FEATURES, CLASSES);
    const alone = await trainLocally(training({}, { compiled }));
    const again = await trainLocally(training({}, { compiled }));
    const both = await Promise.all([
      trainLocally(training({}, { compiled })),
      trainLocally(training({}, { compiled })),
    ]);
    for (const { weights } of [again, ...both]) expect(weights).toEqual(alone.weights);
  });

  it('leaves the start weights as they are and takes the running statistics along', async () => {
    const weights = new Float32Array(manifest.length);
    const result = await trainLocally(training({}, { weights }));
    expect(weights.every((w) => w === 0)).toBe(true);
    const statistics = (FEATURES + 1) * CLASSES;
    expect(result.weights.slice(statistics).every((mean) => mean !== 0)).toBe(true);
    const frozen = await trainLocally(training({ frozenNormalization: true }));
    expect(frozen.weights.slice(statistics).every((mean) => mean === 0)).toBe(true);
  });

  it('runs hooks: a strong proximal term keeps the weights near the start', async () => {
    const length = async (mu: number) => {
      const hooks = [proximalTerm(mu, new Float32Array(manifest.length), manifest)];
      const settings: RecipeInput = { optimizer: { kind: 'sgd' }, epochs: 5 };
      const { weights } = await trainLocally(training(settings, { hooks }));
      return Math.hypot(...weights.slice(0, FEATURES * CLASSES));
    };
    const free = await length(0);
    expect(await length(10)).toBeLessThan(free * 0.3);
  });

  it('clips: with a tiny bound a plain step has the length of bound times rate', async () => {
    const recipe: RecipeInput = {
      optimizer: { kind: 'sgd', momentum: 0 },
      learningRate: 1,
      schedule: { kind: 'constant' },
      weightDecay: 0,
      gradientClipL2Norm: 0.01,
    };
    const { weights } = await trainLocally(training(recipe, { duration: { steps: 1 } }));
    expect(Math.hypot(...weights.slice(0, (FEATURES + 1) * CLASSES))).toBeCloseTo(0.01, 6);
  });

  it('trains a number of steps, across epochs', async () => {
    const { epochs, steps } = await trainLocally(training({}, { duration: { steps: 6 } }));
    expect(epochs.map((e) => e.steps)).toEqual([4, 2]);
    expect(steps).toBe(6);
  });

  it('can be a part of a longer schedule', async () => {
    const schedulePosition = { firstStep: 12, totalSteps: 24 };
    const { epochs } = await trainLocally(training({}, { schedulePosition, duration: { steps: 1 } }));
    expect(epochs[0]?.learningRate).toBeCloseTo(0.025, 10);
  });

  it('uses federated class counts where they are given', async () => {
    const compiled = fakeModel(FEATURES, CLASSES);
    const input = training(
      { classWeighting: { kind: 'federated' }, batchSize: 50, epochs: 1 },
      { compiled, federationCounts: [100, 200, 400] },
    );
    await trainLocally(input);
    const [batch] = compiled.batches;
    const weightOf = (label: number) => {
      const at = [...(batch?.targets ?? [])].findIndex((t, i) => t === 1 && i % CLASSES === label);
      return batch?.sampleWeights[Math.floor(at / CLASSES)] ?? 0;
    };
    expect(weightOf(0) / weightOf(1)).toBeCloseTo(2, 5);
    expect(weightOf(1) / weightOf(2)).toBeCloseTo(2, 5);
    // 1 is the mean over the federation; this site has a class mix of its own.
    const [w0, w1, w2] = [700 / 300, 700 / 600, 700 / 1200];
    expect(weightOf(0)).toBeCloseTo(w0 / 50, 5);
    expect(weightOf(1)).toBeCloseTo(w1 / 50, 5);
    expect(weightOf(2)).toBeCloseTo(w2 / 50, 5);
  });
});

describe('stopping', () => {
  it('an abort takes effect between steps: the weights are those of the last whole step', async () => {
    const controller = new AbortController();
    const seen: number[] = [];
    const aborted = await trainLocally(
      training(
        { schedule: { kind: 'constant' } },
        {
          signal: controller.signal,
          onProgress: ({ step, totalSteps }) => {
            expect(totalSteps).toBe(12);
            seen.push(step);
            if (step === 5) controller.abort();
          },
        },
      ),
    );
    expect(seen).toEqual([1, 2, 3, 4, 5]);
    expect(aborted).toMatchObject({ stopped: 'aborted', steps: 5 });
    const short = training({ schedule: { kind: 'constant' } }, { duration: { steps: 5 } });
    expect(aborted.weights).toEqual((await trainLocally(short)).weights);
  });

  it('an abort from another task is seen, because the loop lets other tasks run', async () => {
    const controller = new AbortController();
    setImmediate(() => {
      controller.abort();
    });
    const input = training({ epochs: 1000 }, { signal: controller.signal });
    const { stopped, steps } = await trainLocally(input);
    expect(stopped).toBe('aborted');
    expect(steps).toBeLessThan(10);
  });

  it('a signal that is aborted already: no step', async () => {
    const { steps, stopped } = await trainLocally(training({}, { signal: AbortSignal.abort() }));
    expect({ steps, stopped }).toEqual({ steps: 0, stopped: 'aborted' });
  });
});

describe('what cannot be trained', () => {
  it('a diverging loss stops with advice', async () => {
    const data = easyImages(50, FEATURES, CLASSES);
    data.images[3] = Number.NaN;
    const failure = trainLocally(training({}, { data }));
    await expect(failure).rejects.toThrow(TrainingError);
    await expect(failure).rejects.toThrow(/the loss is not a finite number at step \d+.*learningRate/);
  });

  it('weights that overflow in the last step are not returned', async () => {
    const recipe: RecipeInput = { optimizer: { kind: 'sgd' }, learningRate: 1e300 };
    const failure = trainLocally(training(recipe, { duration: { steps: 1 } }));
    await expect(failure).rejects.toThrow(/a weight of 'p0' is not a finite number/);
  });

  it('images, labels and weights that do not fit', async () => {
    const data = easyImages(5, FEATURES, CLASSES);
    const wrong = [
      { ...data, count: 6 },
      { ...data, count: 0 },
      { ...data, labels: Int32Array.of(0, 1, 2, 3, 0) },
      { ...data, labels: Int32Array.of(0, 1, 2, 0) },
    ];
    for (const one of wrong)
      await expect(trainLocally(training({}, { data: one }))).rejects.toThrow(DataError);
    await expect(trainLocally(training({}, { weights: new Float32Array(3) }))).rejects.toThrow(
      InvariantError,
    );
  });

  it('a failure leaves the compiled model usable', async () => {
    const compiled = fakeModel(FEATURES, CLASSES);
    const expected = await trainLocally(training());
    const data = easyImages(50, FEATURES, CLASSES);
    data.images.fill(Number.NaN);
    await expect(trainLocally(training({}, { compiled, data }))).rejects.toThrow(TrainingError);
    expect((await trainLocally(training({}, { compiled }))).weights).toEqual(expected.weights);
  });
});
