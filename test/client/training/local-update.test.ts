import { describe, expect, it } from 'vitest';
import { addUpdate, applyFedAvg, initFedAvg } from '../../../coordinator/aggregation/fedavg.ts';
import { computeUpdate, type LocalUpdateInput } from '../../../client/training/local-update.ts';
import { classCountsOf, classWeights } from '../../../shared/learning/training/class-weights.ts';
import { trainLocally } from '../../../shared/learning/training/trainer.ts';
import type { LabelledImages } from '../../../shared/learning/training/labelled-images.ts';
import type { RecipeInput } from '../../../shared/learning/training/recipe.ts';
import { planOf, site } from '../../coordinator/fixtures.ts';
import { easyImages, fakeModel, regressionManifest } from '../../shared/learning/training/fake-model.ts';

const FEATURES = 6;
const CLASSES = 2;
const manifest = regressionManifest(FEATURES, CLASSES);
/** Kernel and bias: what gradients train. */
const TRAINED = FEATURES * CLASSES + CLASSES;

const planWith = (training: RecipeInput, rounds = 3) => planOf({ rounds }, { training });

function input(change: Partial<LocalUpdateInput> = {}): LocalUpdateInput {
  return {
    plan: planWith({ epochs: 2, batchSize: 8, learningRate: 0.05 }),
    context: { round: 1 },
    siteId: site('a'),
    weights: new Float32Array(manifest.length),
    signal: new AbortController().signal,
    compiled: fakeModel(FEATURES, CLASSES),
    manifest,
    data: easyImages(20, FEATURES, CLASSES),
    ...change,
  };
}

/** Parts of a set: the first 7, the next 12, the rest. */
function parts(all: LabelledImages): LabelledImages[] {
  const cuts = [0, 7, 19, all.count];
  return cuts.slice(1).map((end, i) => {
    const start = cuts[i] ?? 0;
    return {
      images: all.images.slice(start * FEATURES, end * FEATURES),
      labels: all.labels.slice(start, end),
      count: end - start,
      imageDims: all.imageDims,
    };
  });
}

describe('a site’s update', () => {
  it('with one full-batch SGD step each, averaged, is central SGD on the pooled data', async () => {
    const pooled = easyImages(50, FEATURES, CLASSES, 3);
    const recipe: RecipeInput = {
      optimizer: { kind: 'sgd', momentum: 0 },
      schedule: { kind: 'constant' },
      learningRate: 0.5,
      weightDecay: 0,
      batchSize: 50,
      epochs: 1,
    };
    const plan = planWith(recipe, 5);
    let federated = Float32Array.from({ length: manifest.length }, (_, i) => 0.01 * i);
    let central = federated;
    for (let round = 1; round <= 5; round++) {
      const sum = initFedAvg(manifest.length);
      for (const [k, data] of parts(pooled).entries()) {
        const siteId = site(`s${String(k)}`);
        addUpdate(
          sum,
          await computeUpdate(input({ plan, context: { round }, siteId, weights: federated, data })),
        );
      }
      federated = Float32Array.from(applyFedAvg(sum, federated));
      const step = await trainLocally({
        ...input({ data: pooled }),
        weights: central,
        classCount: CLASSES,
        recipe: plan.training,
        seed: { run: 1, round, site: 'central' },
      });
      central = Float32Array.from(step.weights);
    }
    const differences = federated.subarray(0, TRAINED).map((value, i) => Math.abs(value - (central[i] ?? 0)));
    expect(Math.max(...differences)).toBeLessThan(1e-5);
    expect(Math.max(...central.map(Math.abs))).toBeGreaterThan(0.1);
  });

  it('with federated class weights is central SGD with the balanced weights of the pooled data', async () => {
    const all = easyImages(50, FEATURES, CLASSES, 3);
    // Two sites of one class each, and the counts uneven: 25 of the first class, 5 of the second.
    const rows = (label: number, count: number): number[] =>
      Array.from(all.labels.keys())
        .filter((i) => all.labels[i] === label)
        .slice(0, count);
    const only = (chosen: readonly number[]): LabelledImages => ({
      images: Float32Array.from(
        chosen.flatMap((i) => [...all.images.slice(i * FEATURES, (i + 1) * FEATURES)]),
      ),
      labels: Int32Array.from(chosen, (i) => all.labels[i] ?? 0),
      count: chosen.length,
      imageDims: all.imageDims,
    });
    const dealt = [rows(0, 20), [...rows(0, 25).slice(20), ...rows(1, 5)]];
    const pooled = only(dealt.flat());
    const classCounts = classCountsOf(pooled.labels, CLASSES);
    expect(classCounts).toEqual([25, 5]);
    expect(classWeights({ kind: 'federated' }, classCounts)).toEqual([30 / 50, 30 / 10]);
    const recipe: RecipeInput = {
      optimizer: { kind: 'sgd', momentum: 0 },
      schedule: { kind: 'constant' },
      ...{ learningRate: 0.5, weightDecay: 0, batchSize: 50, epochs: 1 },
    };
    const plan = planWith({ ...recipe, classWeighting: { kind: 'federated' } });
    const weights = Float32Array.from({ length: manifest.length }, (_, i) => 0.01 * i);
    const stepWith = async (counts: readonly number[] | undefined): Promise<Float32Array> => {
      const sum = initFedAvg(manifest.length);
      for (const [k, data] of dealt.map(only).entries())
        addUpdate(
          sum,
          await computeUpdate(
            input({ plan, siteId: site(`s${String(k)}`), weights, data, classCounts: counts }),
          ),
        );
      return Float32Array.from(applyFedAvg(sum, weights));
    };
    const central = await trainLocally({
      ...{ ...input({ data: pooled }), weights, classCount: CLASSES },
      recipe: planWith({ ...recipe, classWeighting: { kind: 'balanced' } }).training,
      seed: { run: 1, round: 1, site: 'central' },
    });
    const furthest = (federated: Float32Array): number =>
      Math.max(
        ...federated.subarray(0, TRAINED).map((value, i) => Math.abs(value - (central.weights[i] ?? 0))),
      );
    expect(furthest(await stepWith(classCounts))).toBeLessThan(1e-5);
    // Each with its own counts is something else.
    expect(furthest(await stepWith(undefined))).toBeGreaterThan(0.01);
  });

  it('is made even where the site has a class that nobody has counted', async () => {
    const plan = planWith({ epochs: 1, batchSize: 8, classWeighting: { kind: 'federated' } });
    const update = await computeUpdate(input({ plan, classCounts: [30, 0] }));
    expect(update.delta.every(Number.isFinite)).toBe(true);
  });

  it('judges the global model as the plan adjusts it for the federation’s prior', async () => {
    const data = easyImages(40, FEATURES, CLASSES, 2);
    const plan = planWith({ epochs: 1, logitAdjustmentTau: 1 });
    const both = {
      plan,
      data,
      validation: data,
      weights: Float32Array.from({ length: manifest.length }, () => 0),
    };
    // Equal logits before: 3 to 1 for the first class as a prior is 3 to 1 against it when it is taken off.
    const counts = { classCounts: [30, 10] };
    const named = {
      ...manifest,
      entries: manifest.entries.map((entry) =>
        entry.kind === 'bias' ? { ...entry, name: 'head.bias' } : entry,
      ),
    };
    const { validation } = await computeUpdate(input({ ...both, ...counts, manifest: named }));
    const [n0 = 0, n1 = 0] = classCountsOf(data.labels, CLASSES);
    expect(validation?.lossSum).toBeCloseTo(-n0 * Math.log(1 / 4) - n1 * Math.log(3 / 4), 4);
    await expect(computeUpdate(input({ ...both, manifest: named }))).rejects.toThrow(
      'class counts of the federation',
    );
  });

  it('is the change of the weights, with the examples and the last loss', async () => {
    const start = new Float32Array(manifest.length).fill(0.25);
    const one = input({ weights: start });
    const update = await computeUpdate(one);
    const { weights, epochs } = await trainLocally({
      ...one,
      classCount: CLASSES,
      recipe: one.plan.training,
      seed: { run: 1, round: 1, site: 'a' },
      schedulePosition: { firstStep: 0, totalSteps: 3 * 2 * 3 },
    });
    expect(update.exampleCount).toBe(20);
    expect(update.meanLoss).toBe(epochs[1]?.loss);
    expect(update.delta).toEqual(weights.map((value) => value - 0.25));
    expect([...start]).toEqual(Array<number>(manifest.length).fill(0.25));
  });

  it('is the same for the same (run, round, site) and another for any other', async () => {
    const first = await computeUpdate(input());
    expect(await computeUpdate(input())).toEqual(first);
    for (const change of [{ siteId: site('b') }, { context: { round: 2 } }])
      expect((await computeUpdate(input(change))).delta).not.toEqual(first.delta);
  });

  it('lets the learning rate fall over the whole run, not within each round', async () => {
    const recipe: RecipeInput = {
      optimizer: { kind: 'sgd', momentum: 0 },
      schedule: { kind: 'cosine' },
      learningRate: 0.5,
      weightDecay: 0,
      batchSize: 20,
      epochs: 1,
    };
    const plan = planWith(recipe, 2);
    const early = await computeUpdate(input({ plan, context: { round: 1 } }));
    const late = await computeUpdate(input({ plan, context: { round: 2 } }));
    // One step a round: the rate is full in the first and cos²(π/4) = half of it in the second.
    early.delta.subarray(0, TRAINED).forEach((value, i) => {
      expect(late.delta[i]).toBeCloseTo(value / 2, 5);
    });
  });

  it('of FedProx with μ = 0 is FedAvg’s, and with a larger μ a shorter one', async () => {
    const plain = await computeUpdate(input());
    const of = (mu: number) => {
      const { training } = input().plan;
      const plan = planOf({ strategy: { name: 'fedprox', mu } }, { training });
      return computeUpdate(input({ plan }));
    };
    expect(await of(0)).toEqual(plain);
    const squares = (delta: Float32Array): number =>
      delta.subarray(0, TRAINED).reduce((s, x) => s + x * x, 0);
    expect(squares((await of(100)).delta)).toBeLessThan(squares(plain.delta));
  });

  it('of SCAFFOLD keeps the mean gradient, also when the rate changes from step to step', async () => {
    const recipe: RecipeInput = {
      optimizer: { kind: 'sgd', momentum: 0 },
      schedule: { kind: 'cosine' },
      learningRate: 0.1,
      weightDecay: 0,
      batchSize: 20,
      epochs: 2,
    };
    const plan = planOf({ rounds: 1, strategy: 'scaffold' }, { training: recipe });
    const serverControl = new Float32Array(manifest.length);
    const { delta, controlDelta, kept } = await computeUpdate(input({ plan, serverControl }));
    // Cosine over two steps: rates 0.1 and 0.05.
    const mean = delta.map((value, i) => (i < TRAINED ? -value / 0.15 : 0));
    mean.forEach((value, i) => {
      expect(controlDelta?.[i]).toBeCloseTo(value, 5);
    });
    expect(kept).toEqual({ kind: 'control', control: controlDelta });
    expect(Math.max(...mean)).toBeGreaterThan(0.01);
  });

  it('of FedBN sends nothing of the normalisation and goes on from what was kept', async () => {
    const plan = planOf({ strategy: 'fedbn' }, { training: input().plan.training });
    const first = await computeUpdate(input({ plan }));
    expect([...first.delta.subarray(TRAINED)]).toEqual(Array<number>(FEATURES).fill(0));
    expect(first.kept).toMatchObject({ kind: 'normalization' });
    const second = await computeUpdate(input({ plan, state: first.kept, context: { round: 2 } }));
    expect(second.kept).not.toEqual(first.kept);
    // The fake model's weights do not depend on its running mean: only what is kept may differ.
    const fresh = await computeUpdate(input({ plan, context: { round: 2 } }));
    expect(second.delta).toEqual(fresh.delta);
    expect(second.kept).not.toEqual(fresh.kept);
  });

  it('in local steps goes through the site’s images over the rounds, each once before any comes again', async () => {
    // 20 images in batches of 8: 3 steps an epoch; rounds of 2 steps.
    const { training } = input().plan;
    const plan = planOf({ localSteps: 2, rounds: 6 }, { training: { ...training, batchSize: 8 } });
    const seen: number[] = [];
    for (let round = 1; round <= 6; round++) {
      const compiled = fakeModel(FEATURES, CLASSES);
      const steps: number[] = [];
      await computeUpdate(input({ plan, compiled, context: { round }, onSteps: (step) => steps.push(step) }));
      expect(steps).toEqual([1, 2]);
      for (const { images, sampleWeights } of compiled.batches)
        sampleWeights.forEach((weight, i) => {
          if (weight > 0) seen.push(images[i * FEATURES] ?? NaN);
        });
    }
    const all = [...input().data.images].filter((_, i) => i % FEATURES === 0).sort((a, b) => a - b);
    for (const epoch of [0, 1, 2, 3])
      expect(seen.slice(20 * epoch, 20 * (epoch + 1)).sort((a, b) => a - b)).toEqual(all);
    expect(seen).toHaveLength(80);
    expect(seen.slice(0, 20)).not.toEqual(seen.slice(20, 40));
  });

  it('in local steps lets the learning rate fall over all of them', async () => {
    const recipe: RecipeInput = {
      optimizer: { kind: 'sgd', momentum: 0 },
      schedule: { kind: 'cosine' },
      learningRate: 0.5,
      weightDecay: 0,
      batchSize: 20,
    };
    const plan = planOf({ rounds: 2, localSteps: 1 }, { training: recipe });
    const early = await computeUpdate(input({ plan, context: { round: 1 } }));
    const late = await computeUpdate(input({ plan, context: { round: 2 } }));
    // Full-batch steps: the order does not matter, and the second of two has half the rate.
    early.delta.subarray(0, TRAINED).forEach((value, i) => {
      expect(late.delta[i]).toBeCloseTo(value / 2, 5);
    });
  });

  it('tells of every step', async () => {
    const steps: number[] = [];
    await computeUpdate(input({ onSteps: (step) => steps.push(step) }));
    expect(steps).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('has the verdict of the global model on the site’s own validation images, and is otherwise the same', async () => {
    // With zero weights every class has probability 1/2, and the first one is predicted.
    const validation = easyImages(5, FEATURES, CLASSES, 9);
    const update = await computeUpdate(input({ validation }));
    expect(update.validation).toMatchObject({ exampleCount: 5, correctCount: 3 });
    expect(update.validation?.lossSum).toBeCloseTo(5 * Math.log(2), 12);
    expect({ ...update, validation: undefined }).toEqual({
      ...(await computeUpdate(input())),
      validation: undefined,
    });
  });

  it('is none when it was stopped', async () => {
    const stopped = input({ signal: AbortSignal.abort() });
    await expect(computeUpdate(stopped)).rejects.toMatchObject({ code: 'TRAINING_ABORTED' });
  });
});
