import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePhantoms } from '../../../../shared/data/phantoms.ts';
import { imageAt } from '../../../../shared/data/preprocess.ts';
import { augmentationPreset } from '../../../../shared/learning/augmentation/schema.ts';
import { readModelFile, writeModel } from '../../../../shared/learning/graph/model-file.ts';
import { openClassifier, type Classifier } from '../../../../shared/learning/inference/classifier.ts';
import {
  AUGMENTATION_KEY,
  CALIBRATION_KEY,
  modelNotesEntries,
  readModelNotes,
} from '../../../../shared/learning/inference/model-notes.ts';

const bytes = readFileSync(new URL('../../../vectors/explanations/phantom-cnn.onnx', import.meta.url));
const file = readModelFile(bytes);
const calibration = { temperature: 2, exampleCount: 50, logLossBefore: 0.6, logLossAfter: 0.5 };
const withNotes = (entries: readonly (readonly [string, string])[]): Uint8Array =>
  writeModel(file.model, file.weights, { ...file.description, metadata: new Map(entries) });

describe('a classifier', () => {
  let plain: Classifier;
  let tempered: Classifier;
  let planes: Float32Array;
  beforeAll(async () => {
    plain = await openClassifier(bytes);
    const notes = modelNotesEntries({ calibration, augmentation: augmentationPreset('none') });
    tempered = await openClassifier(withNotes(notes));
    planes = plain.prepare(imageAt(makePhantoms({ count: 1, seed: 9 }), 0));
  });
  afterAll(async () => {
    await plain.dispose();
    await tempered.dispose();
  });

  it('tempers probabilities and keeps the answer', async () => {
    const [raw, soft] = [await plain.classify(planes), await tempered.classify(planes)];
    expect(soft.label).toBe(raw.label);
    const roots = raw.probabilities.map(Math.sqrt);
    const total = roots.reduce((a, b) => a + b, 0);
    soft.probabilities.forEach((p, c) => {
      expect(p).toBeCloseTo((roots[c] ?? NaN) / total, 6);
    });
  });

  it('answers the same again, whatever came between, with any number of copies', async () => {
    const first = await plain.classify(planes, { augmentedCopies: 11 });
    await plain.classify(planes, { augmentedCopies: 3 });
    expect(await plain.classify(planes, { augmentedCopies: 11 })).toEqual(first);
    expect(Math.max(...(first.spread ?? []))).toBeGreaterThan(0);
  });

  it('sees no spread where copies are not changed', async () => {
    const { spread, probabilities } = await tempered.classify(planes, { augmentedCopies: 9 });
    for (const deviation of spread ?? [NaN]) expect(deviation).toBeLessThan(1e-6);
    const own = (await tempered.classify(planes)).probabilities;
    probabilities.forEach((p, c) => {
      expect(p).toBeCloseTo(own[c] ?? NaN, 6);
    });
  });

  it('gives the same in WebAssembly', async () => {
    const wasm = await openClassifier(bytes, 'onnx-wasm');
    const [here, there] = [await plain.classify(planes), await wasm.classify(planes)];
    here.probabilities.forEach((p, c) => {
      expect(Math.abs(p - (there.probabilities[c] ?? NaN))).toBeLessThan(1e-5);
    });
    await wasm.dispose();
  });
});

describe('notes in a model file', () => {
  it('come back as they were written', () => {
    const notes = { calibration, augmentation: augmentationPreset('xray') };
    expect(readModelNotes(new Map(modelNotesEntries(notes)))).toEqual(notes);
    expect(readModelNotes(new Map()).calibration).toBeUndefined();
  });

  it.each([
    [CALIBRATION_KEY, '{', /no JSON/],
    [CALIBRATION_KEY, '{"method":"temperature","temperature":0}', /temperature/],
    [CALIBRATION_KEY, JSON.stringify({ method: 'magic', ...calibration }), /method/],
    [AUGMENTATION_KEY, '{"rotationDegrees":999}', /rotationDegrees/],
  ])('%s = %s is refused by name', async (key, text, message) => {
    await expect(openClassifier(withNotes([[key, text]]))).rejects.toThrow(message);
  });

  it('preprocessing that cannot be used is refused', async () => {
    const wrong = writeModel(file.model, file.weights, {
      ...file.description,
      preprocessing: { fit: 'squash' },
    });
    await expect(openClassifier(wrong)).rejects.toThrow(/preprocessing/);
  });
});
