/** Training that starts from a file: one that PyTorch exported, and one of our own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { InputError } from '../../../shared/errors.ts';
import { architectureSchema, buildModel } from '../../../shared/learning/architectures/architecture.ts';
import { writeModel } from '../../../shared/learning/graph/model-file.ts';
import { initialWeights, manifestOf } from '../../../shared/learning/weights.ts';
import {
  openInitialModel,
  transferText,
  type TransferRequest,
} from '../../../simulations/train/initial-model.ts';
import { runTraining } from '../../../simulations/train/run-training.ts';
import { DEFAULT_SPLIT, type TrainRequest } from '../../../simulations/train/train-request.ts';

const file = fileURLToPath(new URL('../../fixtures/torch/tiny-mobile.onnx', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'initial-model-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const request = (transfer: TransferRequest): TrainRequest => ({
  source: { dataset: 'phantoms', images: 120 },
  split: DEFAULT_SPLIT,
  ...{ seeds: [1], engine: 'onnx', workers: 1, bootstrapReplicates: 0 },
  recipe: { epochs: 2, batchSize: 16 },
  transfer,
});

/** Which parameters a training changed, by the first part of their names. */
async function changedBy(transfer: TransferRequest): Promise<ReadonlySet<string>> {
  const { start, outcomes } = await runTraining(request(transfer));
  const [outcome] = outcomes;
  const { initial } = start;
  if (!outcome || !initial) throw new Error('the training has an outcome and a start');
  const before = initialWeights(initial, 1);
  const changed = manifestOf(initial).entries.filter(({ offset, length }) =>
    outcome.weights.subarray(offset, offset + length).some((w, i) => w !== before[offset + i]),
  );
  return new Set(changed.map(({ name }) => name.split('.')[0] ?? ''));
}

describe('a training that starts from a file', () => {
  it('leaves what is frozen as it was, and trains it after the thaw', { timeout: 60_000 }, async () => {
    const freeze = ['stem.*', 'expand.*', 'depthwise.*', 'fc*', 'project.*'];
    expect(await changedBy({ file, freeze, bodyRateFactor: 1 })).toEqual(new Set(['head']));
    const thawed = await changedBy({ file, freeze, unfreezeAtEpoch: 1, bodyRateFactor: 0.1 });
    expect([...thawed].sort()).toEqual(['depthwise', 'expand', 'fc1', 'fc2', 'head', 'project', 'stem']);
  });

  it('tells in its settings what the file was', async () => {
    const opened = await openInitialModel(
      { file, freeze: ['stem.*'], bodyRateFactor: 0.5 },
      { imageDims: [1, 28, 28], classNames: ['a', 'b'] },
    );
    expect(opened.config.sha512).toMatch(/^[0-9a-f]{128}$/);
    expect(opened.notes.join()).toMatch(/the head is new.*Grey images are repeated/);
    expect(transferText(opened.model, opened.config)).toMatch(
      /tiny-mobile\.onnx, 248 of 1230 weights frozen, body at 0\.5 of the rate/,
    );
  });

  it('keeps the head of a model of ours for the same classes, and replaces it for others', async () => {
    const model = buildModel(
      architectureSchema.parse({ name: 'cnn', options: { filters: [4] } }),
      [1, 12, 12],
      2,
    );
    const own = join(folder, 'own.onnx');
    const described = { classNames: ['a', 'b'], activation: 'softmax', preprocessing: null } as const;
    writeFileSync(own, writeModel(model, initialWeights(model, 3), described));
    const open = (classNames: readonly string[]) =>
      openInitialModel({ file: own, freeze: [], bodyRateFactor: 1 }, { imageDims: [1, 12, 12], classNames });
    const same = await open(['a', 'b']);
    expect(same.notes.join()).toMatch(/head is kept/);
    expect(initialWeights(same.model, 9)).toEqual(initialWeights(model, 3));
    const other = await open(['b', 'c']);
    expect(other.notes.join()).toMatch(/head is new/);
    expect(initialWeights(other.model, 9)).not.toEqual(initialWeights(other.model, 8));
  });

  it.each([
    ['a missing file', { file: 'nowhere.onnx' }, /--init nowhere\.onnx cannot be read/],
    ['a pattern without a match', { freeze: ['features.*'] }, /"features\.\*" matches no parameter/],
    ['nothing left to train', { freeze: ['*'] }, /leaves no parameter to train/],
    [
      'a file of something else',
      { file: fileURLToPath(import.meta.url) },
      /--init .*initial-model\.test\.ts: /,
    ],
  ])('%s is told', async (_, change, message) => {
    const wanted = { file, freeze: [], bodyRateFactor: 1, ...change };
    const opened = openInitialModel(wanted, { imageDims: [3, 16, 16], classNames: ['a', 'b'] });
    await expect(opened).rejects.toThrow(message);
    await expect(opened).rejects.toThrow(InputError);
  });
});
