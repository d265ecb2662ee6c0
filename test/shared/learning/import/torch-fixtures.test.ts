/**
 * Small models exported from PyTorch, with the logits and gradients that it computed: kept files, so that this runs where
 * there is no Python. test/python/torch_models.py made them; test/long/torch-models.test.ts makes the large ones anew.
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { openNativeEngine } from '../../../../shared/learning/engines/onnx-native.ts';
import { readModelFile, writeModel } from '../../../../shared/learning/graph/model-file.ts';
import { importModel } from '../../../../shared/learning/import/import-model.ts';
import { initialWeights } from '../../../../shared/learning/weights.ts';
import { compareWithTorch, expectAsInTorch, readTorchCase } from './torch-case.ts';

const folder = fileURLToPath(new URL('../../../fixtures/torch', import.meta.url));
const engine = await openNativeEngine();

/** Both exporters of PyTorch, operator sets 11 to 20. */
const NAMES = [
  ...['tiny-resnet', 'tiny-resnet-dynamo', 'tiny-fire-opset11', 'tiny-mobile', 'tiny-mobile-opset13'],
  ...['tiny-dense', 'tiny-dense-dynamo', 'tiny-vit', 'tiny-convnext'],
];

describe('a model from PyTorch', () => {
  it.each(NAMES)('%s has its logits and gradients', async (name) => {
    const test = readTorchCase(folder, name);
    expectAsInTorch(test, await compareWithTorch(engine, test));
  });

  /** The exporter has merged weights and fixed the batch, so that most parameters are others. */
  it.each([
    ['tiny-resnet-merged', 'fc.weight'],
    ['tiny-vit-merged', 'head.weight'],
  ])('%s, merged by the exporter, has its logits and the gradient of its head', async (name, head) => {
    const test = readTorchCase(folder, name);
    const compared = await compareWithTorch(engine, test);
    expect(compared.logitsError).toBeLessThan(1e-4);
    expect(compared.gradientErrors.get(head)).toBeLessThan(1e-4);
  });

  it.each(NAMES)('%s becomes a model file of ours with the same logits', async (name) => {
    const test = readTorchCase(folder, name);
    const { model } = importModel(test.bytes);
    const weights = initialWeights(model, 0);
    const classNames = Array.from({ length: model.classCount }, (_, c) => `class ${String(c)}`);
    const bytes = writeModel(model, weights, { classNames, activation: 'softmax', preprocessing: null });
    const file = readModelFile(bytes);
    expect(file.weights).toEqual(weights);
    const [batchSize = 0] = test.images.dims;
    const logits = async (m: typeof model): Promise<Float32Array> => {
      const compiled = await engine.compile(m, { batchSize, loss: 'softmax' });
      const result = (await compiled.predict(weights, test.images.data)).slice();
      await compiled.dispose();
      return result;
    };
    expect(await logits(file.model)).toEqual(await logits(model));
  });
});
