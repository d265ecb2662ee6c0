/** Strategies in a whole simulation: sites that keep something, models of their own, and the same bits every time. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { SiteEvaluation } from '../../simulations/report/result-types.ts';
import { comparedMethods } from '../../simulations/report/methods.ts';
import { federationMetricsCsv } from '../../simulations/report/csv.ts';
import { runFederation, type SimulationOutcome } from '../../simulations/harness.ts';
import { createModelSource } from '../../simulations/pool/model-source.ts';
import { createInlinePool } from '../../simulations/pool/pool.ts';
import type { SimulationInput } from '../../simulations/simulation-config.ts';

const tiny = {
  images: 160,
  sites: 3,
  protection: 'box',
  rounds: 2,
  epochs: 1,
  compare: ['finetuned'],
  fineTuning: { epochs: 1 },
  bootstrapReplicates: 100,
  seed: 5,
} as const;
const architecture = (normalization: 'batch' | 'group') => ({
  name: 'cnn' as const,
  options: { filters: [4, 8], dense: 8, dropout: 0.2, normalization },
});
const inputs: Readonly<Record<'scaffold' | 'fedbn', SimulationInput>> = {
  scaffold: {
    ...{ ...tiny, compare: ['finetuned'], architecture: architecture('group'), strategy: 'scaffold' },
    training: { optimizer: { kind: 'sgd', momentum: 0 }, learningRate: 0.05 },
  },
  fedbn: { ...tiny, compare: ['finetuned'], architecture: architecture('batch'), strategy: 'fedbn' },
};

/** In this thread: the same bits as in a worker, without the time to start one. */
const runHere = (input: SimulationInput): Promise<SimulationOutcome> =>
  runFederation(input, {}, { createPool: () => createInlinePool(createModelSource()) });

const aucs = (models: readonly SiteEvaluation[] = []): unknown[] =>
  models.map(({ site, evaluation }) => [
    site,
    evaluation.metrics.auc.value,
    evaluation.metrics.logLoss.value,
  ]);

describe.each(['scaffold', 'fedbn'] as const)('%s', (name) => {
  let outcome: SimulationOutcome;
  beforeAll(async () => {
    outcome = await runFederation({ ...inputs[name], workers: 1 });
  });

  it('has the same final weights and figures with two workers', async () => {
    const other = await runFederation({ ...inputs[name], workers: 2 });
    expect(other.finalDigest).toBe(outcome.finalDigest);
    expect(other.result.test).toEqual(outcome.result.test);
    expect(other.result.rounds.map(({ loss, validation }) => ({ loss, validation }))).toEqual(
      outcome.result.rounds.map(({ loss, validation }) => ({ loss, validation })),
    );
  });

  it('has other final weights than FedAvg of the same', async () => {
    const fedAvg = await runHere({ ...inputs[name], strategy: 'fedavg', compare: [] });
    expect(fedAvg.finalDigest).not.toBe(outcome.finalDigest);
  });

  it('fine-tunes the federated model at every site', () => {
    const { finetuned, federated } = outcome.result.test;
    expect(finetuned).toHaveLength(3);
    expect(new Set(aucs(finetuned).map((row) => JSON.stringify(row))).size).toBe(3);
    expect(aucs(finetuned)).not.toContainEqual(expect.arrayContaining([federated.metrics.logLoss.value]));
    expect(comparedMethods(outcome.result).map(({ label }) => label)).toContain('Federated, fine-tuned');
    expect(federationMetricsCsv(outcome.result)).toContain('\r\nfinetuned,');
  });
});

describe('personalised models', () => {
  it('are FedBN’s alone: each site has its own normalisation layers, and the report says so', async () => {
    const { result } = await runHere({ ...inputs.fedbn, compare: [] });
    const { personalised } = result.test;
    expect(personalised).toHaveLength(3);
    expect(new Set(aucs(personalised).map((row) => JSON.stringify(row))).size).toBe(3);
    expect(comparedMethods(result).map(({ label }) => label)).toEqual([
      'Federated',
      'Federated, personalised',
    ]);
    expect(result.notes?.join(' ')).toContain('normalisation layers');
    const plain = await runHere({ ...inputs.fedbn, strategy: 'fedavg', compare: [] });
    expect(plain.result.test.personalised).toBeUndefined();
  });
});

describe('what cannot work', () => {
  it.each<[Partial<SimulationInput>, string]>([
    [{ strategy: 'scaffold' }, 'plain SGD'],
    [{ strategy: { name: 'fedprox', mu: -1 } }, 'strategy.mu'],
    [{ fineTuning: { epochs: 0 } }, 'fineTuning.epochs'],
    [{ earlyStopping: { patience: 0 } }, 'earlyStopping.patience'],
  ])('is refused before anything starts: %j', async (change, reason) => {
    await expect(runFederation({ ...tiny, compare: [], ...change })).rejects.toThrow(reason);
  });

  it('FedBN without normalisation layers', async () => {
    const options = { filters: [4], dense: 8, normalization: 'none' as const };
    const input = {
      ...tiny,
      compare: [],
      strategy: 'fedbn' as const,
      architecture: { name: 'cnn' as const, options },
    };
    await expect(runHere(input)).rejects.toThrow('this model has none');
  });
});

describe('a run that stops early', () => {
  it('ends after the rounds without improvement, with the best model', async () => {
    const earlyStopping = { patience: 1, minimumImprovement: 1 };
    const input = { ...inputs.fedbn, strategy: 'fedavg' as const, rounds: 9, compare: [], earlyStopping };
    const { result } = await runHere(input);
    // A score can never be better by 1: the second round is the last.
    expect(result.rounds).toHaveLength(2);
  });
});
