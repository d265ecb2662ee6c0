import { afterEach, describe, expect, it } from 'vitest';
import { createChildTrainer, type ChildTrainer } from '../../../client/training/child-trainer.ts';
import type { TrainingRequest } from '../../../client/training/local-update.ts';
import { makePhantoms } from '../../../shared/data/phantoms.ts';
import { architectureSchema, buildModel } from '../../../shared/learning/architectures/architecture.ts';
import { initialWeights } from '../../../shared/learning/weights.ts';
import { planSchema } from '../../../shared/protocol/plan.ts';
import { PROTOCOL_VERSION } from '../../../shared/protocol/version.ts';
import { site } from '../../coordinator/fixtures.ts';

const architecture = architectureSchema.parse({ name: 'cnn', options: { filters: [2], dense: 4 } });
const { classNames } = makePhantoms({ seed: 0, sites: 2, count: 30, size: 16 });
const network = buildModel(architecture, [1, 16, 16], classNames.length);
const weights = initialWeights(network, 1);
const plan = planSchema.parse({
  protocolVersion: PROTOCOL_VERSION,
  task: { name: 'phantoms', classNames, imageDims: [1, 16, 16] },
  preprocessing: { size: { height: 16, width: 16 } },
  architecture,
  parameterCount: weights.length,
  training: { epochs: 1 },
  federation: { strategy: 'fedavg', rounds: 1, minimumCohort: 2, minimumSurvivors: 2 },
  protection: { mode: 'box' },
  evaluation: {},
  seed: 1,
});

let trainer: ChildTrainer | undefined;
afterEach(async () => {
  await trainer?.close();
  trainer = undefined;
});

const request = (changes: Partial<TrainingRequest> = {}): TrainingRequest => ({
  ...{ plan, context: { round: 1 }, siteId: site('a'), weights },
  signal: new AbortController().signal,
  ...changes,
});
const started = (source = 'phantoms:1/2'): ChildTrainer => {
  trainer = createChildTrainer({ source, engine: 'onnx', models: 'no-models' });
  return trainer;
};

describe('training in a process of its own', () => {
  it('gives the same update every time and reports its steps', async () => {
    const child = started();
    const steps: number[] = [];
    const first = await child.train(request({ onSteps: (count) => steps.push(count) }));
    const second = await child.train(request());
    expect(first.delta).toEqual(second.delta);
    expect(first.exampleCount).toBeGreaterThan(0);
    expect(steps).toEqual(Array.from({ length: steps.length }, (_, i) => i + 1));
  });

  it('counts the images that it trains on, class by class', async () => {
    const child = started();
    const classCounts = await child.count?.({ plan, signal: new AbortController().signal });
    const { exampleCount } = await child.train(request());
    expect(classCounts).toHaveLength(classNames.length);
    expect(classCounts?.reduce((a, b) => a + b, 0)).toBe(exampleCount);
  });

  it('costs one attempt when the process is killed, and not the next', async () => {
    const child = started();
    const long = { ...plan, training: { ...plan.training, epochs: 10_000 } };
    const killed = child.train(
      request({
        plan: long,
        onSteps: () => {
          if (child.pid !== undefined) process.kill(child.pid, 'SIGKILL');
        },
      }),
    );
    await expect(killed).rejects.toThrow('ended by SIGKILL; the next round starts another');
    expect((await child.train(request())).exampleCount).toBeGreaterThan(0);
  });

  it('stops between two steps', async () => {
    const child = started();
    const stop = new AbortController();
    const long = { ...plan, training: { ...plan.training, epochs: 10_000 } };
    const training = child.train(
      request({
        plan: long,
        signal: stop.signal,
        onSteps: () => {
          stop.abort();
        },
      }),
    );
    await expect(training).rejects.toThrow('stopped before its end');
    await expect(child.train(request({ signal: stop.signal }))).rejects.toThrow('stopped before it began');
  });

  it('ends by force where it does not end by itself, and trains no more', async () => {
    // The time that it is given is over at once.
    const impatient = { schedule: (_delayMs: number, act: () => void) => (act(), () => undefined) };
    const child = createChildTrainer(
      { source: 'phantoms:1/2', engine: 'onnx', models: 'no-models' },
      impatient,
    );
    const long = { ...plan, training: { ...plan.training, epochs: 10_000 } };
    let closing: Promise<void> | undefined;
    const training = child.train(
      request({
        plan: long,
        onSteps: () => {
          closing ??= child.close();
        },
      }),
    );
    await expect(training).rejects.toThrow('ended by SIGKILL');
    await closing;
    expect(child.pid).toBeUndefined();
    await expect(child.train(request())).rejects.toThrow('stopped before it began');
  });

  it('says why the images cannot be used', async () => {
    await expect(started('folder:/nowhere').train(request())).rejects.toThrow('/nowhere');
    await trainer?.close();
    const other = { ...plan, task: { ...plan.task, classNames: ['x', 'y'] } };
    await expect(started().train(request({ plan: other }))).rejects.toThrow('rename the folders or labels');
  });
});
