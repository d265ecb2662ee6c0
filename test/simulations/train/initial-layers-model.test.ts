/** `--init` with the model.json of a LayersModel. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cnn } from '../../../shared/learning/architectures/cnn.ts';
import { cnnOptionsSchema } from '../../../shared/learning/architectures/schema.ts';
import { writeLayersModelFolder } from '../../../shared/learning/layers-model/folder.ts';
import { writeLayersModel } from '../../../shared/learning/layers-model/write-layers-model.ts';
import { initialWeights, manifestOf } from '../../../shared/learning/weights.ts';
import { openInitialModel, type TransferRequest } from '../../../simulations/train/initial-model.ts';

const root = mkdtempSync(join(tmpdir(), 'initial-model-'));
const request: TransferRequest = { file: join(root, 'model.json'), freeze: ['block*'], bodyRateFactor: 1 };
const model = cnn([1, 12, 12], 2, cnnOptionsSchema.parse({ filters: [4, 4], dense: 6, head: 'mean' }));
const weights = initialWeights(model, 3);

beforeAll(async () => {
  const description = { classNames: ['a', 'b'], activation: 'softmax', preprocessing: null } as const;
  await writeLayersModelFolder(root, writeLayersModel(model, weights, description));
});
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

it('keeps the head where the classes are the same', async () => {
  const opened = await openInitialModel(request, { imageDims: [1, 12, 12], classNames: ['a', 'b'] });
  expect(initialWeights(opened.model, 9)).toEqual(weights);
  expect(opened.config.sha512).toMatch(/^[0-9a-f]{128}$/);
});

it('takes another size of image and other classes, with the body of the file and a new head', async () => {
  const opened = await openInitialModel(request, { imageDims: [1, 16, 20], classNames: ['x', 'y', 'z'] });
  expect(opened.model).toMatchObject({ imageDims: [1, 16, 20], classCount: 3 });
  const { length } = manifestOf({ parameters: model.parameters.slice(0, -2) });
  expect(initialWeights(opened.model, 9).subarray(0, length)).toEqual(weights.subarray(0, length));
  expect(opened.model.graph.outputs[0]?.dims).toEqual(['N', 3]);
});

it('refuses other channels, and says what is wrong with a file', async () => {
  const task = { imageDims: [3, 12, 12], classNames: ['a', 'b'] } as const;
  await expect(openInitialModel(request, task)).rejects.toThrow(/images of 1 channels; these have 3/);
  const missing = { ...request, file: join(root, 'none.json') };
  await expect(openInitialModel(missing, task)).rejects.toThrow(/none.json cannot be read/);
});
