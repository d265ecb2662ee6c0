/** The last act: every model that is compared, on the held-out global test set that nobody has seen before. */
import { evaluateClassifier } from '../../shared/learning/metrics/evaluate.ts';
import type { Evaluation } from '../../shared/learning/metrics/evaluation.ts';
import { softmax } from '../../shared/learning/metrics/probabilities.ts';
import type { Pool } from '../pool/pool.ts';
import type { ModelSpec } from '../pool/tasks.ts';
import type { SimulationHooks } from '../progress.ts';
import type { FederationResult, SiteEvaluation } from '../report/result-types.ts';
import type { SimulationConfig } from '../simulation-config.ts';
import type { Comparison } from './comparison.ts';
import type { PreparedData } from './prepare.ts';

interface TestInput {
  readonly config: SimulationConfig;
  readonly data: PreparedData;
  readonly model: ModelSpec;
  readonly pool: Pool;
  readonly hooks: SimulationHooks;
}

export async function testAll(
  input: TestInput,
  federated: Float32Array,
  { pooled, local, personalised, finetuned }: Comparison,
): Promise<FederationResult['test']> {
  const ofSites = async (models: Comparison['local']): Promise<SiteEvaluation[]> => {
    const tested: SiteEvaluation[] = [];
    for (const { site, weights } of models) tested.push({ site, evaluation: await evaluate(input, weights) });
    return tested;
  };
  return {
    federated: await evaluate(input, federated),
    ...(pooled && { pooled: await evaluate(input, pooled) }),
    ...(personalised.length > 0 && { personalised: await ofSites(personalised) }),
    ...(finetuned.length > 0 && { finetuned: await ofSites(finetuned) }),
    ...(local.length > 0 && { local: await ofSites(local) }),
  };
}

/** Intervals resample patients, as images of one patient are not independent. */
async function evaluate(input: TestInput, weights: Float32Array): Promise<Evaluation> {
  const { config, data, model, pool, hooks } = input;
  const { test, classNames, testPatients } = data;
  const logits = await pool.predict({ model, weights, data: test }, hooks.signal);
  return evaluateClassifier({
    probabilities: softmax(logits, classNames.length),
    labels: test.labels,
    classNames,
    patients: testPatients,
    bootstrap: { replicates: config.bootstrapReplicates, seed: config.seed },
  });
}
