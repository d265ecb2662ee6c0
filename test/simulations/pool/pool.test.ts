import { setImmediate } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { createModelSource } from '../../../simulations/pool/model-source.ts';
import { createInlinePool, createWorkerPool, type Pool } from '../../../simulations/pool/pool.ts';
import { toSharedMemory, type ModelSpec } from '../../../simulations/pool/tasks.ts';
import { architectureSchema, buildModel } from '../../../shared/learning/architectures/architecture.ts';
import type { LabelledImages } from '../../../shared/learning/training/labelled-images.ts';
import { recipeSchema } from '../../../shared/learning/training/recipe.ts';
import { initialWeights } from '../../../shared/learning/weights.ts';
import { createRng, deriveSeed } from '../../../shared/rng.ts';
import { planOf, site } from '../../coordinator/fixtures.ts';

const recipe = recipeSchema.parse({ epochs: 2, batchSize: 8 });
const architecture = architectureSchema.parse({
  name: 'cnn',
  options: { filters: [4], dense: 8, dropout: 0.25, normalization: 'group' },
});
const imageDims = [1, 8, 8] as const;
const model: ModelSpec = { engine: 'onnx', architecture, imageDims, classCount: 2, recipe };
const weights = initialWeights(buildModel(architecture, imageDims, 2), 1);
const plan = planOf({}, { training: recipe });

/** Images whose left or right half is brighter. */
function halves(count: number): LabelledImages {
  const rng = createRng(deriveSeed('halves', count));
  const labels = Int32Array.from({ length: count }, (_, i) => i % 2);
  const images = Float32Array.from({ length: count * 64 }, (_, i) => {
    const isBright = i % 8 < 4 === (labels[Math.floor(i / 64)] === 0);
    return rng.uniform() * 0.5 + (isBright ? 0.4 : 0);
  });
  return toSharedMemory({ images, labels, count, imageDims });
}

const data = halves(40);
const updateTask = { model, plan, round: 1, siteId: site('a'), weights, data };
const fitTask = {
  model,
  seed: { run: 1, round: 0, site: 'pooled' },
  weights,
  data,
  validation: halves(20),
  classNames: ['left', 'right'],
};
const endless = {
  ...fitTask,
  model: { ...model, recipe: { ...recipe, epochs: 100_000 } },
};

const pools: Pool[] = [];
const keep = (pool: Pool): Pool => {
  pools.push(pool);
  return pool;
};
afterAll(() => Promise.all(pools.map((pool) => pool.close())));

describe('worker threads', () => {
  it('give bit for bit what this thread gives, whichever of them is free', async () => {
    const inline = keep(createInlinePool(createModelSource()));
    const workers = keep(createWorkerPool(2));
    const expected = await inline.update(updateTask);
    expect(expected.exampleCount).toBe(40);
    expect(expected.delta.some((value) => value !== 0)).toBe(true);
    const updates = await Promise.all([1, 2, 3, 4].map(() => workers.update(updateTask)));
    for (const update of updates) expect(update).toEqual(expected);
    expect(await workers.fit(fitTask)).toEqual(await inline.fit(fitTask));
    expect(await workers.predict({ model, weights, data })).toEqual(
      await inline.predict({ model, weights, data }),
    );
  });

  it('share one copy of the images', () => {
    expect(data.images.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(structuredClone(data).images.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  it('stop between two steps when the signal comes, and go on with the next task', async () => {
    const pool = keep(createWorkerPool(1));
    const controller = new AbortController();
    const running = pool.fit(endless, controller.signal);
    const waiting = pool.predict({ model, weights, data });
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: 'TRAINING_ABORTED' });
    expect(await waiting).toHaveLength(80);
    await expect(pool.update(updateTask, AbortSignal.abort())).rejects.toMatchObject({
      code: 'TRAINING_ABORTED',
    });
  });

  it('are let go only when idle: closing stops what runs and what waits', async () => {
    const pool = createWorkerPool(1);
    await pool.update(updateTask);
    const tasks = [pool.fit(endless), pool.fit(endless), pool.update(updateTask)].map((task) =>
      task.then(
        () => 'done',
        (error: unknown) => (error instanceof Error ? error.name : ''),
      ),
    );
    // The worker has started; whether the first training is at its first or a later step makes no difference.
    await setImmediate();
    await pool.close();
    expect(await Promise.all(tasks)).toEqual(['TrainingAborted', 'TrainingAborted', 'TrainingAborted']);
    await pool.close();
    await expect(pool.update(updateTask)).rejects.toThrow('closed');
  });

  it('report what went wrong, and live on', async () => {
    const pool = keep(createWorkerPool(1));
    await expect(pool.update({ ...updateTask, weights: new Float32Array(3) })).rejects.toMatchObject({
      code: 'ENGINE',
      message: 'the start weights do not fit the model',
    });
    expect((await pool.update(updateTask)).exampleCount).toBe(40);
  });

  it('are processes for TensorFlow, which stop between two steps and give what this thread gives', async () => {
    const tensorflow = { ...model, engine: 'tensorflow-js' } as const;
    const processes = keep(createWorkerPool(1, 'tensorflow-js'));
    const inline = keep(createInlinePool(createModelSource()));
    const task = { ...updateTask, model: tensorflow };
    expect(await processes.update(task)).toEqual(await inline.update(task));
    const controller = new AbortController();
    const running = processes.fit(
      { ...endless, model: { ...endless.model, engine: 'tensorflow-js' } },
      controller.signal,
    );
    await setImmediate();
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: 'TRAINING_ABORTED' });
    expect((await processes.update(task)).exampleCount).toBe(40);
  });

  it('are 1 to 256', () => {
    for (const count of [0, 257, 1.5]) expect(() => createWorkerPool(count)).toThrow('give 1 to 256');
  });
});
