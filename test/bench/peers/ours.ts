/** The speed comparison's Consilium: coordinator and virtual sites over the in-memory transport, training in worker threads. */
import { createWorkerPool, type Pool } from '../../../simulations/pool/pool.ts';
import { simulateFederation } from '../../../simulations/virtual/federation.ts';
import { createScene, type Network } from '../simulate-scene.ts';
import { EVENT_MARK, taskSchema, type PeerEvent } from './task.ts';

/** As `model` in common.py. */
const NETWORK: Network = {
  architecture: { name: 'cnn', options: { filters: [32, 64], dense: 128, head: 'pool' } },
  imageDims: [3, 32, 32],
  classCount: 10,
};

const tell = (event: PeerEvent): void => {
  process.stdout.write(`${EVENT_MARK}${JSON.stringify(event)}\n`);
};

const task = taskSchema.parse(JSON.parse(process.argv.at(-1) ?? ''));
// First of all, so that the threads load while the scene is set.
const pool = createWorkerPool(task.workers);
const { sites, imagesPerSite, rounds, epochs, batchSize, protection, learningRate, momentum } = task;
const scene = createScene({
  ...{ siteCount: sites, imagesPerSite, rounds, epochs, batchSize, protection, network: NETWORK },
  training: {
    ...{ optimizer: { kind: 'sgd', momentum }, learningRate, schedule: { kind: 'constant' }, weightDecay: 0 },
  },
});
let steps = 0;
const counting: Pool = {
  workerCount: pool.workerCount,
  update: async (work, signal) => {
    const result = await pool.update(work, signal);
    steps += epochs * Math.ceil(result.exampleCount / batchSize);
    return result;
  },
  fit: (work, signal) => pool.fit(work, signal),
  personalise: (work, signal) => pool.personalise(work, signal),
  predict: (work, signal) => pool.predict(work, signal),
  describe: (model, signal) => pool.describe(model, signal),
  close: () => pool.close(),
};
try {
  tell({ event: 'ready', parameters: scene.weights.length });
  const { plan, model, weights: initialWeights, manifest, data } = scene;
  const { end } = await simulateFederation({
    ...{ plan, model, initialWeights, manifest, data, pool: counting, hooks: {} },
  });
  if (end.kind === 'finished') tell({ event: 'done', steps, versions: { node: process.version } });
} finally {
  await pool.close();
}
