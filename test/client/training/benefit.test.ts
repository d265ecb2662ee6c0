import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { compareModels, type BenefitInput } from '../../../client/training/benefit.ts';
import type { LocalResult, LocalTrainer, TrainingRequest } from '../../../client/training/local-update.ts';
import { appendTraining, readTraining } from '../../../client/training/training-history.ts';
import { watchedTrainer, type TrainingReport } from '../../../client/training/watched-trainer.ts';
import { runIdSchema } from '../../../shared/ids.ts';
import { planOf, site } from '../../coordinator/fixtures.ts';
import { easyImages, fakeModel, regressionManifest } from '../../shared/learning/training/fake-model.ts';

const manifest = regressionManifest(4, 2);
const plan = planOf(
  {},
  {
    training: { optimizer: { kind: 'sgd', momentum: 0 }, learningRate: 1, epochs: 5, batchSize: 8 },
    evaluation: { localValidationFraction: 0.2 },
  },
);

function input(change: Partial<BenefitInput> = {}): BenefitInput {
  return {
    ...{ plan, context: { round: 4 }, siteId: site('a'), manifest, compiled: fakeModel(4, 2) },
    // A model that has learned nothing: both classes are equally likely everywhere.
    weights: new Float32Array(manifest.length),
    initialWeights: () => new Float32Array(manifest.length),
    data: easyImages(24, 4, 2),
    validation: easyImages(12, 4, 2),
    validationPatients: Array.from({ length: 12 }, (_, i) => `p${String(i >> 1)}`),
    signal: new AbortController().signal,
    ...change,
  };
}

it('judges three models on the images that are held back, with intervals over patients', async () => {
  const { images, patients, rows } = await compareModels(input());
  expect([images, patients]).toEqual([12, 6]);
  expect(rows.map(({ model }) => model)).toEqual(['local', 'federated', 'finetuned']);
  const [local, federated, tuned] = rows.map(({ accuracy }) => accuracy.value);
  // Easy images: fifteen passes are enough, and of an untrained model half of its guesses are right.
  expect([local, federated]).toEqual([1, 0.5]);
  expect(tuned).toBeGreaterThan(0.5);
  for (const { accuracy } of rows) {
    expect(accuracy.low).toBeLessThanOrEqual(accuracy.value);
    expect(accuracy.high).toBeGreaterThanOrEqual(accuracy.value);
  }
  expect(rows[1]?.auc?.value).toBe(0.5);
  expect(await compareModels(input())).toEqual({ images, patients, rows });
});

it('ends when it is told to, and does nothing without images', async () => {
  await expect(compareModels(input({ signal: AbortSignal.abort() }))).rejects.toMatchObject({
    code: 'TRAINING_ABORTED',
  });
  await expect(compareModels(input({ validation: undefined }))).rejects.toThrow('held back');
});

const request = (changes: Partial<TrainingRequest> = {}): TrainingRequest => ({
  ...{ plan, context: { round: 2, runId: runIdSchema.parse('chest') }, siteId: site('a') },
  ...{ weights: new Float32Array(4), signal: new AbortController().signal },
  ...changes,
});

/** Takes ten steps of 100 ms. */
function scripted(result: () => LocalResult) {
  let elapsedMs = 0;
  const trainer: LocalTrainer = {
    train: ({ onSteps }) => {
      for (let step = 1; step <= 10; step++) {
        elapsedMs += 100;
        onSteps?.(step, { totalSteps: 10, loss: 1 / step, device: 'CPU' });
      }
      return Promise.resolve().then(result);
    },
  };
  const reports: TrainingReport[] = [];
  const tell = (report: TrainingReport): void => {
    reports.push(report);
  };
  return { watched: watchedTrainer(trainer, tell, { elapsedMs: () => elapsedMs }), reports };
}

it('tells every step once, a few times a second, and what came of the training', async () => {
  const validation = { exampleCount: 10, correctCount: 7, lossSum: 6 };
  const delta = new Float32Array(4);
  const { watched, reports } = scripted(() => ({ exampleCount: 90, meanLoss: 0.4, validation, delta }));
  const counted: number[] = [];
  await watched.train(request({ onSteps: (steps) => counted.push(steps) }));
  expect(counted).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(reports.map(({ kind }) => kind)).toEqual(['begun', 'steps', 'steps', 'steps', 'steps', 'trained']);
  const losses = reports.flatMap((report) => (report.kind === 'steps' ? report.losses : []));
  expect(losses.map(({ step }) => step)).toEqual(counted);
  const last = reports.at(-1);
  expect(last).toMatchObject({
    trained: {
      ...{ runId: 'chest', round: 2, steps: 10, seconds: 1, exampleCount: 90 },
      validation,
      device: 'CPU',
    },
  });
  const folder = mkdtempSync(join(tmpdir(), 'consilium-history-'));
  if (last?.kind === 'trained') await appendTraining(folder, last.trained, new Date(0).toISOString());
  expect(await readTraining(folder, 5)).toMatchObject([
    { runId: 'chest', planName: 'two blobs', validation },
  ]);
  rmSync(folder, { recursive: true });
});

it('tells that a training has ended without a result, and hands the error on', async () => {
  const { watched, reports } = scripted(() => {
    throw new Error('out of memory');
  });
  await expect(watched.train(request())).rejects.toThrow('out of memory');
  expect(reports.at(-1)).toEqual({ kind: 'ended', place: { runId: 'chest', round: 2 } });
});
