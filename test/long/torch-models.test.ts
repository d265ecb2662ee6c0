/**
 * The published architectures, made by PyTorch with random weights, exported and compared: logits and the gradient of
 * every parameter. Each case is skipped, with the reason in its name, where Python lacks a package.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { openNativeEngine } from '../../shared/learning/engines/onnx-native.ts';
import { findPython } from '../python/config.ts';
import { compareWithTorch, expectAsInTorch, readTorchCase } from '../shared/learning/import/torch-case.ts';

const script = fileURLToPath(new URL('../python/torch_models.py', import.meta.url));
const engine = await openNativeEngine();

/** Names of torch_models.py and the packages that each needs beside torch and onnx. */
const CASES: readonly (readonly [packages: readonly string[], names: readonly string[]])[] = [
  [[], ['tiny-resnet', 'tiny-fire', 'tiny-fire:opset11', 'tiny-mobile:opset12', 'tiny-dense:opset20']],
  [['onnxscript'], ['tiny-mobile:dynamo', 'tiny-dense:dynamo']],
  [
    ['torchvision'],
    [
      ...['resnet18', 'resnet50', 'densenet121', 'mobilenet_v2', 'mobilenet_v3_small', 'efficientnet_b0'],
      ...['squeezenet1_1', 'vgg11_bn'],
    ],
  ],
  [['timm'], ['tiny-vit:opset14', 'convnext_atto', 'vit_tiny']],
];

const folder = mkdtempSync(join(tmpdir(), 'torch-models-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe.each(CASES)('with %j', (packages, names) => {
  const python = findPython('torch', 'onnx', ...packages);
  const why = python.missing === undefined ? '' : ` (skipped: ${python.missing})`;

  it.skipIf(python.missing !== undefined).each(names)(
    `%s has PyTorch's logits and gradients${why}`,
    { timeout: 300_000 },
    async (name) => {
      execFileSync(python.executable, [script, folder, name], { stdio: 'ignore', timeout: 240_000 });
      const test = readTorchCase(folder, name.replace(':', '-'));
      const compared = await compareWithTorch(engine, test);
      expectAsInTorch(test, compared);
      expect(compared.imported.model.classCount).toBe(5);
    },
  );
});
