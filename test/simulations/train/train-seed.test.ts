import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../shared/clock.ts';
import { openEngine } from '../../../shared/learning/engines/open-engine.ts';
import { weightsDigest } from '../../../shared/learning/weights.ts';
import { runTraining, type Training } from '../../../simulations/train/run-training.ts';
import type { SeedTask } from '../../../simulations/train/seed-task.ts';
import { trainSeed } from '../../../simulations/train/train-seed.ts';
import { DEFAULT_SPLIT, type TrainRequest } from '../../../simulations/train/train-request.ts';

const REQUEST: TrainRequest = {
  source: { dataset: 'phantoms', images: 150 },
  split: DEFAULT_SPLIT,
  seeds: [3],
  engine: 'onnx',
  workers: 1,
  bootstrapReplicates: 0,
  recipe: { epochs: 2, batchSize: 16 },
};

function taskOf({ start }: Training, seed: number): SeedTask {
  const { config, data } = start;
  const { classNames } = data.summary;
  return { ...config, ...data, seed, classNames };
}

const digestsOf = ({ outcomes }: Training): string[] => outcomes.map(({ weights }) => weightsDigest(weights));

describe('a training', () => {
  it('has the same weights in a worker thread and in this one, alone and beside another', async () => {
    const alone = await runTraining(REQUEST);
    const beside = await runTraining({ ...REQUEST, seeds: [2, 3], workers: 2 });
    const here = await trainSeed(await openEngine('onnx'), taskOf(alone, 3), { clock: systemClock });
    const [digest] = digestsOf(alone);
    expect(here && weightsDigest(here.weights)).toBe(digest);
    expect(digestsOf(beside)[1]).toBe(digest);
    expect(digestsOf(beside)[0]).not.toBe(digest);
  });

  it('tells each epoch once, in order, and its steps to the last', async () => {
    const epochs: number[] = [];
    let lastStep = 0;
    await runTraining(REQUEST, {
      onProgress: (progress) => {
        if (progress.kind === 'epoch') epochs.push(progress.result.epoch);
        else lastStep = progress.step / progress.totalSteps;
      },
    });
    expect(epochs).toEqual([1, 2]);
    expect(lastStep).toBe(1);
  });

  it('that is stopped keeps what it has: the first seed some epochs, the second none', async () => {
    const controller = new AbortController();
    const training = await runTraining(
      { ...REQUEST, seeds: [1, 2], recipe: { ...REQUEST.recipe, epochs: 100_000 } },
      {
        signal: controller.signal,
        onProgress: (progress) => {
          if (progress.kind === 'epoch') controller.abort();
        },
      },
    );
    expect(training.stopped).toBe(true);
    expect(training.outcomes.map(({ seed, stopped }) => ({ seed, stopped }))).toEqual([
      { seed: 1, stopped: 'aborted' },
    ]);
    expect(training.outcomes[0]?.epochs.length).toBeGreaterThan(0);
  });

  it('that diverges says what to change, and the others are stopped', async () => {
    const training = runTraining({
      ...REQUEST,
      seeds: [1, 2],
      workers: 2,
      recipe: { ...REQUEST.recipe, optimizer: { kind: 'sgd' }, learningRate: 1e30, epochs: 100_000 },
    });
    await expect(training).rejects.toThrow(/training diverged.*Lower learningRate/);
  });

  it('without a seed, or on an empty part, is refused', async () => {
    await expect(runTraining({ ...REQUEST, seeds: [] })).rejects.toThrow(/no seed/);
    const none = { ...DEFAULT_SPLIT, validationFraction: 0 };
    await expect(runTraining({ ...REQUEST, split: none })).rejects.toThrow(/validation part is empty/);
  });
});
