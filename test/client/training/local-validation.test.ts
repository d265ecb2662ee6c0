import { describe, expect, it } from 'vitest';
import { validateLocally } from '../../../client/training/local-validation.ts';
import { easyImages, fakeModel, softmax } from '../../shared/learning/training/fake-model.ts';

const FEATURES = 3;
const CLASSES = 3;
const weights = Float32Array.from({ length: FEATURES * CLASSES + CLASSES + FEATURES }, (_, i) => Math.sin(i));
const signal = new AbortController().signal;

describe('local validation', () => {
  it('is what a plain loop over the examples gives, also over several pieces', async () => {
    const data = easyImages(600, FEATURES, CLASSES);
    const compiled = fakeModel(FEATURES, CLASSES);
    const logits = await compiled.predict(weights, data.images);
    let lossSum = 0;
    let correctCount = 0;
    data.labels.forEach((label, i) => {
      const probabilities = softmax([...logits.subarray(i * CLASSES, (i + 1) * CLASSES)]);
      lossSum -= Math.log(probabilities[label] ?? 0);
      if (probabilities.indexOf(Math.max(...probabilities)) === label) correctCount++;
    });
    const sums = await validateLocally({ compiled, weights, data, classCount: CLASSES, signal });
    expect(sums).toMatchObject({ exampleCount: 600, correctCount });
    expect(sums?.lossSum).toBeCloseTo(lossSum, 8);
    expect(correctCount).toBeGreaterThan(0);
    expect(correctCount).toBeLessThan(600);
  });

  it('is none when it was stopped', async () => {
    const data = easyImages(5, FEATURES, CLASSES);
    const input = { compiled: fakeModel(FEATURES, CLASSES), weights, data, classCount: CLASSES };
    expect(await validateLocally({ ...input, signal: AbortSignal.abort() })).toBeUndefined();
  });
});
