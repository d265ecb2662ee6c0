import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { makePhantoms } from '../../../shared/data/phantoms.ts';
import { preprocess } from '../../../shared/data/preprocess.ts';
import { readModelFile } from '../../../shared/learning/graph/model-file.ts';
import { modelInsight } from '../../../simulations/explain/insight.ts';
import { arePublic, chooseSamples, explainSamples } from '../../../simulations/explain/samples.ts';
import { renderImageGrid } from '../../../simulations/report/image-grid.ts';
import { imageFooter, sampleSection } from '../../../simulations/report/sample-section.ts';

const file = readModelFile(
  readFileSync(new URL('../../vectors/explanations/phantom-cnn.onnx', import.meta.url)),
);
const { classNames } = file.description;
const test = await preprocess(makePhantoms({ count: 4, seed: 3 }));
const labelled = { ...test, labels: Int32Array.of(0, 1, 1, 2) };
// Image 0 right, image 1 right and surer than image 2, image 3 wrong.
const probabilities = Float64Array.of(0.8, 0.1, 0.1, 0, 0.9, 0.1, 0.2, 0.6, 0.2, 0.7, 0.2, 0.1);
const input = { model: file.model, weights: file.weights, test: labelled, probabilities, classNames };

describe('samples of a report', () => {
  it('are the surest right image of each class, then the surest mistakes', () => {
    expect(chooseSamples(input).map(({ index, predicted }) => [index, predicted])).toEqual([
      [0, 0],
      [1, 1],
      [3, 0],
    ]);
  });

  it('say what the model said and what is true, and are PNG', async () => {
    const grid = await explainSamples(input);
    expect(grid?.images.map(({ label }) => label)).toEqual([
      'normal, 80 %',
      'nodule, 90 %',
      'normal, 70 %; it is effusion',
    ]);
    for (const { png } of grid?.images ?? []) expect(Buffer.from(png.subarray(1, 4)).toString()).toBe('PNG');
  });

  it('of no images are nothing', async () => {
    const none = { ...labelled, images: new Float32Array(), labels: new Int32Array(), count: 0 };
    expect(await explainSamples({ ...input, test: none, probabilities: new Float64Array() })).toBeUndefined();
    expect(sampleSection(undefined)).toEqual([]);
  });

  it('show images unasked only where they are generated or public', () => {
    expect(arePublic({ name: 'phantoms (synthetic)', synthetic: true })).toBe(true);
    expect(arePublic({ name: 'medmnist:breastmnist', synthetic: false })).toBe(true);
    expect(arePublic({ name: 'folder:clinic', synthetic: false })).toBe(false);
  });

  it('of private images are not made for a federation either, but its temperature is', async () => {
    const many = await preprocess(makePhantoms({ count: 60, seed: 3 }));
    const parts: number[] = [];
    const insight = await modelInsight({
      ...{ model: file.model, weights: file.weights },
      data: {
        summary: { name: 'folder:clinic', synthetic: false, classNames, splits: [] },
        ...{ classNames, validation: many, test: labelled },
      },
      predict: ({ count }) => {
        parts.push(count);
        return Promise.resolve(Float32Array.from({ length: 3 * count }, (_, i) => (i % 4) - 1));
      },
    });
    expect(insight.samples).toBeUndefined();
    expect(insight.calibration?.exampleCount).toBe(60);
    expect(parts).toEqual([60]);
  });

  it('escape what others named, and make the footer say how confidential the file is', () => {
    const grid = {
      kind: 'images',
      caption: '<b>',
      images: [{ png: Uint8Array.of(1), label: '"><i>' }],
    } as const;
    const { text } = renderImageGrid(grid);
    expect(text).not.toMatch(/<b>|<i>/);
    expect(text).toContain('src="data:image/png;base64,AQ=="');
    expect(imageFooter({ synthetic: false }, grid)).toContain('confidential');
    expect(imageFooter({ synthetic: true }, grid)).toContain('no images of patients');
    expect(imageFooter({ synthetic: false }, undefined)).toContain('no images of patients');
  });
});
