/**
 * A whole simulation: dataset, held-out test set, virtual hospitals, rounds, comparison, test. `runFederation` is the
 * one way in; `simulate-command.ts` is the command around it.
 */
import { TrainingAborted } from '../client/training/local-update.ts';
import { EngineError, InputError } from '../shared/errors.ts';
import type { Model } from '../shared/learning/graph/types.ts';
import { initialWeights as initialise, weightsDigest } from '../shared/learning/weights.ts';
import { foldFederatedPrior } from '../shared/learning/training/prior-adjustment.ts';
import { hashPlan, type Plan } from '../shared/protocol/plan.ts';
import { PLAIN_PROTECTION_WARNING } from '../shared/protocol/protection.ts';
import { modelInsight, type ModelInsight } from './explain/insight.ts';
import type { Checkpoint } from './checkpoint/checkpoint.ts';
import { createWorkerPool, type Pool } from './pool/pool.ts';
import type { EngineDescription, ModelSpec } from './pool/tasks.ts';
import { SimulationFailed, SimulationStopped, type SimulationHooks } from './progress.ts';
import type { FederationResult } from './report/result-types.ts';
import { parseSimulation, type SimulationConfig, type SimulationInput } from './simulation-config.ts';
import { StageTimes } from './stage-times.ts';
import { describeEnvironment } from './train/environment.ts';
import { trainForComparison } from './virtual/comparison.ts';
import { simulateFederation, type FederationOutcome } from './virtual/federation.ts';
import { testAll } from './virtual/final-test.ts';
import { openNetwork } from './virtual/network.ts';
import { planOf } from './virtual/plan.ts';
import { prepareData, type PreparedData } from './virtual/prepare.ts';

export interface SimulationOutcome {
  readonly config: SimulationConfig;
  readonly plan: Plan;
  /** The figures, as the report shows them. */
  readonly result: FederationResult;
  readonly model: Model;
  readonly preprocessing: PreparedData['preprocessing'];
  /** The global model with the best validation score: the one that is tested and kept. */
  readonly weights: Float32Array;
  /** Its temperature, and where it looks. */
  readonly insight: ModelInsight;
  /** `weightsDigest` after the last round, whatever its score. */
  readonly finalDigest: string;
}

export interface SimulationServices {
  /** Default: worker threads or, for TensorFlow's engines, processes. */
  readonly createPool?: typeof createWorkerPool;
  /** Where an earlier run of the same configuration was left. */
  readonly from?: Checkpoint;
  /** Called after every round; the next one begins when it has resolved. */
  readonly save?: (checkpoint: Checkpoint) => Promise<void>;
}

/**
 * The same configuration gives the same weights and figures on the same engine and machine type, for any number of
 * workers. @throws SimulationStopped after the hooks' signal; SimulationFailed; InputError and DataError for unusable input.
 */
export async function runFederation(
  input: SimulationInput,
  hooks: SimulationHooks = {},
  services: SimulationServices = {},
): Promise<SimulationOutcome> {
  const config = parseSimulation(input);
  const pool = (services.createPool ?? createWorkerPool)(config.workers, config.engine);
  try {
    return await simulate(config, hooks, { ...services, pool });
  } catch (error) {
    if (hooks.signal?.aborted || error instanceof TrainingAborted)
      throw new SimulationStopped('the simulation was stopped', { cause: error });
    throw error;
  } finally {
    await pool.close();
  }
}

async function simulate(
  config: SimulationConfig,
  hooks: SimulationHooks,
  { pool, from, save }: SimulationServices & { readonly pool: Pool },
): Promise<SimulationOutcome> {
  const stages = new StageTimes(hooks);
  stages.enter('data');
  const data = await prepareData(config, hooks.signal);
  // The report says by itself, and more fully, that images are synthetic.
  const notes: string[] = data.summary.synthetic ? [] : [...data.notices];
  const listening: SimulationHooks = {
    ...hooks,
    onProgress: (progress) => {
      if (progress.kind === 'notice') notes.push(progress.text);
      hooks.onProgress?.(progress);
    },
  };
  if (config.protection.mode === 'plain')
    listening.onProgress?.({ kind: 'notice', text: PLAIN_PROTECTION_WARNING });
  if (config.protection.mode === 'secure-aggregation')
    listening.onProgress?.({ kind: 'notice', text: MASKED_NOTICE });
  for (const text of data.notices) hooks.onProgress?.({ kind: 'notice', text });
  const { classNames, sites } = data;
  const opened = openNetwork(config, data);
  const { network, layout, model } = opened;
  for (const text of opened.notes) listening.onProgress?.({ kind: 'notice', text });
  const initialWeights = initialise(network, config.seed);
  const manifest = layout.start;
  const thawed = opened.thawed && layout.thawed && { thawed: { ...opened.thawed, ...layout.thawed } };
  const plan = planOf(config, data, opened);
  if (from && from.planHash !== hashPlan(plan)) throw new InputError(OTHER_PLAN);
  const device = await engineOf(pool, model, hooks.signal);
  hooks.onProgress?.({ kind: 'prepared', sites, classNames, parameterCount: initialWeights.length });

  stages.enter('federation');
  const federation = await simulateFederation({
    ...{ plan, model, initialWeights, manifest, data, pool },
    ...thawed,
    hooks: listening,
    ...(config.faults && { faults: config.faults }),
    ...(from && { from }),
    ...(save && { save }),
  });
  const best = requireModel(federation);
  const classCounts = federation.counts?.classCounts;
  const used = foldFederatedPrior(best.weights, manifest, {
    counts: classCounts,
    tau: plan.training.logitAdjustmentTau,
  });
  if (config.strategy.name === 'fedbn') listening.onProgress?.({ kind: 'notice', text: FEDBN_NOTICE });
  stages.enter('comparison');
  const comparison = await trainForComparison({
    config,
    model,
    ...thawed,
    initialWeights,
    best: { weights: best.weights, states: federation.bestStates },
    classCounts,
    manifest,
    data,
    pool,
    hooks: listening,
  });
  stages.enter('test');
  const verdict = await testAll({ config, data, model, pool, hooks }, used, comparison);
  const insight = await modelInsight({
    ...{ model: network, weights: used, data },
    predict: (images) => pool.predict({ model, weights: used, data: images }, hooks.signal),
  });
  const finalDigest = weightsDigest(federation.finalWeights);
  return {
    config,
    plan,
    model: network,
    preprocessing: data.preprocessing,
    weights: used,
    insight,
    finalDigest,
    result: {
      title: `Federated training on ${data.summary.name}`,
      dataset: data.summary,
      plan,
      seed: config.seed,
      sites: sites.map((site) => ({ name: site.name, classCounts: site.classCounts })),
      rounds: federation.rounds,
      ...(federation.counts && { counts: federation.counts }),
      bestRound: best.round,
      ...verdict,
      timings: stages.end(),
      weightsDigest: weightsDigest(used),
      finalDigest,
      planHash: hashPlan(plan),
      environment: {
        ...describeEnvironment(device),
        workers: config.workers,
      },
      notes,
    },
  };
}

/** Before the first round, so that an engine that does not work here costs no attempt. */
async function engineOf(pool: Pool, model: ModelSpec, signal?: AbortSignal): Promise<EngineDescription> {
  try {
    return await pool.describe(model, signal);
  } catch (cause) {
    if (!(cause instanceof EngineError)) throw cause;
    throw new EngineError(
      `engine ${model.engine} cannot be used: ${cause.message}; "npm run doctor" says which engines work on this machine`,
      { cause },
    );
  }
}

const OTHER_PLAN =
  'the run that was left has another plan than its configuration gives today (the data or this program changed): ' +
  'start it anew';

const MASKED_NOTICE =
  'Secure aggregation: the coordinator learned only sums over the sites. Figures of single sites in this report come ' +
  'from the virtual sites themselves, which a real coordinator cannot ask.';

const FEDBN_NOTICE =
  'FedBN: the global model has the normalisation layers it began with, each site uses it with its own: ' +
  'see the personalised models, not the federated one';

function requireModel({ end, best }: FederationOutcome): { round: number; weights: Float32Array } {
  switch (end.kind) {
    case 'stopped':
      throw new SimulationStopped('the simulation was stopped');
    case 'failed':
      throw new SimulationFailed(`the federation failed: round after round was aborted (${end.reason})`);
    case 'finished':
      if (best) return best;
      throw new SimulationFailed('no round was published');
  }
}
