import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { InputError } from '../../../shared/errors.ts';
import { buildModel } from '../../../shared/learning/architectures/architecture.ts';
import { evaluateClassifier } from '../../../shared/learning/metrics/evaluate.ts';
import { initialWeights, manifestOf } from '../../../shared/learning/weights.ts';
import { prepareOutputFolder } from '../../../simulations/train/outputs.ts';
import { modalityOf, presetFor } from '../../../simulations/train/presets.ts';
import { foldPriorAdjustment } from '../../../shared/learning/training/prior-adjustment.ts';
import { selectionScore, validationRecord } from '../../../simulations/train/selection.ts';

describe('presets', () => {
  it.each([
    ['phantoms (synthetic)', 'xray'],
    ['medmnist:pneumoniamnist', 'xray'],
    ['medmnist:breastmnist', 'ultrasound'],
    ['npz:ham10000-fed-28.npz', 'dermatoscopy'],
    ['medmnist:bloodmnist', 'microscopy'],
    ['folder:mednist-6x1000', 'crossSection'],
    ['table:labels.csv', 'unknown'],
  ])('%s: %s', (name, modality) => {
    expect(modalityOf(name)).toBe(modality);
  });

  const dataset = { name: 'folder:mine', height: 28, width: 28, channels: 1 } as const;

  it('go through small sets more often, between 8 and 80 times', () => {
    const epochs = (count: number) => presetFor(dataset, [count, count]).recipe.epochs;
    expect([epochs(10), epochs(2354), epochs(1_000_000)]).toEqual([80, 15, 8]);
    expect(presetFor({ ...dataset, channels: 3 }, [3400, 3400]).recipe.epochs).toBe(25);
  });

  it('have more blocks for larger images, so that the last map is about 8 pixels wide', () => {
    const filters = (side: number) => {
      const { architecture } = presetFor({ ...dataset, height: side, width: side }, [50, 50]);
      return architecture.name === 'cnn' ? architecture.options.filters : [];
    };
    expect([filters(28).length, filters(64).length, filters(128).length]).toEqual([3, 4, 5]);
  });

  it.each([
    ['many images', [2000, 1000], ['balanced', 0, 0, 'balancedAccuracyAndAuc']],
    ['a very rare class', [2000, 50], ['none', 1, 0, 'balancedAccuracyAndAuc']],
    ['few images', [400, 150], ['none', 0, 0.1, 'accuracyAndAuc']],
  ])('suit the numbers of images: %s', (_, counts, expected) => {
    const { recipe, selection } = presetFor(dataset, counts);
    const { classWeighting, logitAdjustmentTau, labelSmoothing } = recipe;
    expect([classWeighting.kind, logitAdjustmentTau, labelSmoothing, selection]).toEqual(expected);
  });

  it('do not correct for rare classes twice', () => {
    const weighed = presetFor(dataset, [2000, 50], { recipe: { classWeighting: { kind: 'balanced' } } });
    expect(weighed.recipe.logitAdjustmentTau).toBe(0);
    const adjusted = presetFor(dataset, [2000, 1000], { recipe: { logitAdjustmentTau: 0.5 } });
    expect(adjusted.recipe.classWeighting.kind).toBe('none');
  });

  it('give way to what is asked for', () => {
    const { architecture, recipe } = presetFor(dataset, [100, 100], {
      architecture: { name: 'resnet', normalization: 'batch', dropout: 0.25 },
      recipe: { epochs: 3 },
    });
    expect(architecture).toMatchObject({
      name: 'resnet',
      options: { normalization: 'batch', dropout: 0.25 },
    });
    expect(recipe.epochs).toBe(3);
  });
});

describe('the choice of an epoch', () => {
  // Two of three right; class 1 is ranked above class 0 in one of two pairs.
  const evaluation = evaluateClassifier({
    probabilities: Float64Array.from([0.4, 0.6, 0.9, 0.1, 0.45, 0.55]),
    labels: Int32Array.from([0, 0, 1]),
    classNames: ['a', 'b'],
  });

  it.each([
    ['accuracy', 2 / 3],
    ['auc', 1 / 2],
    ['balancedAccuracy', 3 / 4],
    ['accuracyAndAuc', 7 / 12],
    ['balancedAccuracyAndAuc', 5 / 8],
  ] as const)('by %s', (selection, score) => {
    expect(selectionScore(evaluation, selection)).toBeCloseTo(score, 12);
  });

  it('has no score where a metric is undefined, and keeps the metrics that are defined', () => {
    const oneClass = evaluateClassifier({
      probabilities: Float64Array.from([0.8, 0.2]),
      labels: Int32Array.from([0]),
      classNames: ['a', 'b'],
    });
    const { score, loss, metrics } = validationRecord(oneClass, 'accuracyAndAuc');
    expect(score).toBeUndefined();
    expect(loss).toBeCloseTo(-Math.log(0.8), 12);
    expect(metrics['accuracy']).toBe(1);
    expect(metrics).not.toHaveProperty('auc');
  });
});

describe('adjustment for class priors', () => {
  const { architecture } = presetFor({ name: 'x', height: 8, width: 8, channels: 1 }, [3, 1]);
  const model = buildModel(architecture, [1, 8, 8], 2);
  const manifest = manifestOf(model);
  const weights = initialWeights(model, 1);

  it('moves the bias of the logits by −τ·log(prior) and nothing else', () => {
    const adjusted = foldPriorAdjustment(weights, manifest, { counts: [3, 1], tau: 2 });
    const bias = manifest.entries.find(({ name }) => name === 'head.bias');
    const changes = Array.from(adjusted, (value, i) => value - (weights[i] ?? 0));
    const start = bias?.offset ?? NaN;
    expect(changes[start]).toBeCloseTo(-2 * Math.log(3 / 4), 5);
    expect(changes[start + 1]).toBeCloseTo(-2 * Math.log(1 / 4), 5);
    expect(changes.filter((change) => change !== 0)).toHaveLength(2);
  });

  it('of strength 0 is none; a model without such a bias is refused', () => {
    expect(foldPriorAdjustment(weights, manifest, { counts: [3, 1], tau: 0 })).toBe(weights);
    const empty = { entries: [], length: 0 };
    expect(() => foldPriorAdjustment(weights, empty, { counts: [3, 1], tau: 1 })).toThrow(InputError);
  });
});

describe('the folder of results', () => {
  const root = mkdtempSync(join(tmpdir(), 'consilium-out-'));
  afterAll(() => {
    rmSync(root, { recursive: true, force: true });
  });

  it('is made, with those above it, or taken when it is empty', async () => {
    const folder = join(root, 'a', 'b');
    await prepareOutputFolder(folder, false);
    await prepareOutputFolder(folder, false);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is refused when it has files or is one; force removes only what a training wrote', async () => {
    const folder = join(root, 'full');
    mkdirSync(join(folder, 'models'), { recursive: true });
    writeFileSync(join(folder, 'metrics.json'), '{}');
    writeFileSync(join(folder, 'mine.txt'), '');
    await expect(prepareOutputFolder(folder, false)).rejects.toThrow(/not empty/);
    await expect(prepareOutputFolder(join(folder, 'mine.txt'), true)).rejects.toThrow(/is a file/);
    await prepareOutputFolder(folder, true);
    expect(readdirSync(folder)).toEqual(['mine.txt']);
  });
});
