/** One site with one full-batch SGD step a round is central training, frozen body and later thaw included. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openEngine } from '../../../shared/learning/engines/open-engine.ts';
import { compileOptionsOf } from '../../../shared/learning/training/recipe.ts';
import { trainLocally } from '../../../shared/learning/training/trainer.ts';
import { frozenForms } from '../../../shared/learning/transfer/initial-model.ts';
import { initialWeights, manifestOf } from '../../../shared/learning/weights.ts';
import { parseSimulation } from '../../../simulations/simulation-config.ts';
import { prepareData } from '../../../simulations/virtual/prepare.ts';
import { thawEpoch } from '../../../simulations/virtual/comparison.ts';
import { BODY, federationFrom, watch, writeBackbone } from './backbone.ts';

let folder = '';
let file = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'consilium-central-'));
  file = join(folder, 'backbone.onnx');
  writeBackbone(file);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it('is what a central loop computes', async () => {
  const input = federationFrom(file, {
    ...{ images: 60, sites: 1, rounds: 4 },
    initialModel: { file, freeze: BODY, unfreezeAtRound: 3, bodyRateFactor: 0.5 },
    training: {
      optimizer: { kind: 'sgd', momentum: 0 },
      ...{ schedule: { kind: 'constant' }, learningRate: 0.05, weightDecay: 0, batchSize: 64 },
    },
  });
  const { outcome, checkpoints } = await watch(input);
  const config = parseSimulation(input);
  const data = await prepareData(config);
  expect(data.pooled.count).toBeLessThan(64);
  const { training, initialModel } = outcome.plan;
  if (!initialModel) throw new Error('the plan starts from a file');
  const forms = frozenForms(outcome.model, initialModel);
  const engine = await openEngine('onnx');
  let weights = initialWeights(outcome.model, config.seed);
  for (const round of [1, 2, 3, 4]) {
    const model = round < 3 ? forms.start : forms.thawed;
    const compiled = await engine.compile(model, compileOptionsOf(training));
    const step = await trainLocally({
      ...{ compiled, manifest: manifestOf(model), weights, data: data.pooled, classCount: 3 },
      // The same order: the padding of the batch is part of the batch's statistics.
      ...{ recipe: training, seed: { run: config.seed, round, site: 'site-1' } },
      duration: { steps: 1 },
      signal: new AbortController().signal,
    });
    weights = Float32Array.from(step.weights);
    await compiled.dispose();
    const federated = checkpoints[round - 1]?.position.state.weights ?? new Float32Array();
    expect(federated).toHaveLength(weights.length);
    const differences = weights.map((w, i) => Math.abs(w - (federated[i] ?? NaN)));
    expect(Math.max(...differences), `after round ${String(round)}`).toBeLessThan(2e-6);
  }
  const start = initialWeights(outcome.model, config.seed);
  expect(Math.max(...weights.map((w, i) => Math.abs(w - (start[i] ?? NaN))))).toBeGreaterThan(0.01);
});

it.each([
  [3, 4, 4, 3],
  [2, 10, 30, 4],
  [6, 10, 15, 9],
  [5, 5, 1, 2],
])(
  'lets the body go at the epoch that round %i of %i is of %i epochs: %i',
  (round, rounds, epochs, expected) => {
    expect(thawEpoch(round, rounds, epochs)).toBe(expected);
  },
);
