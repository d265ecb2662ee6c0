/** Plans as people write them, with a model file beside them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { copyFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readPlanFile } from '../../coordinator/plan-file.ts';
import { planNetwork } from '../../coordinator/run/plan-network.ts';
import { ModelStore } from '../../coordinator/storage/model-store.ts';
import { sha512Hex } from '../../shared/crypto/hash.ts';
import { hashPlan } from '../../shared/protocol/plan.ts';

const fixture = fileURLToPath(new URL('../fixtures/torch/tiny-mobile.onnx', import.meta.url));
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'consilium-plan-'));
  mkdirSync(join(root, 'models'));
  copyFileSync(fixture, join(root, 'models', 'backbone.onnx'));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

function written(lines: string): string {
  const file = join(root, 'plan.yaml');
  writeFileSync(
    file,
    `task: { name: two, classNames: [a, b], imageDims: [1, 28, 28] }
preprocessing: {}
training: { epochs: 1 }
federation: { strategy: fedavg, rounds: 4, minimumCohort: 5, minimumSurvivors: 5 }
evaluation: {}
seed: 5
${lines}
`,
  );
  return file;
}

describe('a plan file', () => {
  it('names the model file from its own folder; digest and sizes follow from that', async () => {
    const file = written(
      'initialModel: { file: models/backbone.onnx, freeze: ["stem.*"], unfreezeAtRound: 3, bodyRateFactor: 0.1 }',
    );
    const { plan, initialModel, notes } = readPlanFile(file);
    if (!initialModel) throw new Error('the plan has a model file');
    expect(plan.initialModel).toEqual({
      ...{ sha512: sha512Hex(initialModel), byteLength: initialModel.length },
      ...{ freeze: ['stem.*'], unfreezeAtRound: 3, bodyRateFactor: 0.1, trainableCount: 982 },
    });
    expect(plan.parameterCount).toBe(1230);
    expect(notes.join('\n')).toMatch(/backbone\.onnx: the head is new/);
    const store = new ModelStore(join(root, 'store'));
    await expect(planNetwork(plan, store)).rejects.toThrow('cannot be read');
    await store.put(initialModel);
    expect((await planNetwork(plan, store)).wholeFrom).toBe(3);
    // The name of the file is no part of the plan: its digest is.
    copyFileSync(join(root, 'models', 'backbone.onnx'), join(root, 'other.onnx'));
    const renamed = readPlanFile(
      written(
        'initialModel: { file: other.onnx, freeze: ["stem.*"], unfreezeAtRound: 3, bodyRateFactor: 0.1 }',
      ),
    );
    expect(hashPlan(renamed.plan)).toBe(hashPlan(plan));
  });

  it('has no model file where it has an architecture', () => {
    const { plan, initialModel } = readPlanFile(written('architecture: { name: cnn }'));
    expect([plan.initialModel, initialModel]).toEqual([undefined, undefined]);
    expect(plan.parameterCount).toBeGreaterThan(1000);
  });

  it.each([
    ['', 'architecture'],
    ['initialModel: { file: nowhere.onnx }', 'nowhere.onnx cannot be read'],
    ['initialModel: { file: plan.yaml }', 'initial model'],
    ['initialModel: { file: models/backbone.onnx, freeze: ["*"] }', 'leaves no parameter to train'],
    ['initialModel: { file: models/backbone.onnx, freeze: [x] }', '"x" matches no parameter'],
    ['initialModel: { file: models/backbone.onnx, sha512: abc }', 'sha512'],
    [
      'architecture: { name: cnn }\ninitialModel: { file: models/backbone.onnx }',
      'either an architecture or an initialModel',
    ],
    [
      'initialModel: { file: models/backbone.onnx, freeze: ["stem.*"], unfreezeAtRound: 9 }',
      'after the last round',
    ],
  ])('is refused with %j', (lines, message) => {
    expect(() => readPlanFile(written(lines))).toThrow(message);
  });
});
