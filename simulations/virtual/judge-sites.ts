/**
 * Judges a global model on the validation set, as the sites would use it. Where they use it with normalisation layers of
 * their own (FedBN) the model alone says nothing: the verdict is then the mean over the sites' models.
 */
import { personalWeights } from '../../client/training/local-method.ts';
import type { SiteState } from '../../client/training/site-state.ts';
import type { ValidationResult } from '../../coordinator/run/progress.ts';
import type { SiteId } from '../../shared/ids.ts';
import { judge } from '../../coordinator/evaluation/judge.ts';
import { foldFederatedPrior } from '../../shared/learning/training/prior-adjustment.ts';
import type { VirtualFederation } from './federation.ts';

/** What each site keeps, of those that keep something. */
export type StatesBySite = ReadonlyMap<SiteId, SiteState>;

export interface SitesJudge {
  /** A site has finished training and keeps this. */
  trained(siteId: SiteId, kept: SiteState | undefined): void;
  /** `classCounts`: of the federation, where the plan needs them. */
  evaluate(weights: Float32Array, classCounts?: readonly number[]): Promise<ValidationResult>;
  /** What the sites kept when these very weights (the same array) were evaluated. */
  statesOf(weights: Float32Array | undefined): StatesBySite;
  /** What each site had after its last training. */
  latest(): StatesBySite;
  /** As another judge of the same run was left. */
  restore(
    latest: Iterable<readonly [SiteId, SiteState]>,
    evaluated: {
      readonly weights: Float32Array;
      readonly states: Iterable<readonly [SiteId, SiteState]>;
    },
  ): void;
}

type JudgeInput = Pick<VirtualFederation, 'plan' | 'data' | 'pool' | 'hooks' | 'model' | 'manifest'>;

export function createSitesJudge({ plan, data, pool, hooks, model, manifest }: JudgeInput): SitesJudge {
  const latest = new Map<SiteId, SiteState>();
  const seen = new WeakMap<Float32Array, StatesBySite>();
  const tau = plan.training.logitAdjustmentTau;
  const evaluateOne = async (
    global: Float32Array,
    counts: readonly number[] | undefined,
  ): Promise<ValidationResult> => {
    const weights = foldFederatedPrior(global, manifest, { counts, tau });
    const logits = await pool.predict({ model, weights, data: data.validation }, hooks.signal);
    return judge(logits, data.validation.labels, data.classNames);
  };
  return {
    trained: (siteId, kept) => {
      if (kept) latest.set(siteId, kept);
    },
    evaluate: async (weights, counts) => {
      const states = new Map(latest);
      seen.set(weights, states);
      if (plan.federation.strategy.name !== 'fedbn') return evaluateOne(weights, counts);
      const verdicts = data.sites.map(({ siteId }) =>
        evaluateOne(personalWeights(weights, states.get(siteId), manifest), counts),
      );
      // All are waited for before one failure ends the evaluation: nothing may run behind its back.
      await Promise.allSettled(verdicts);
      return meanVerdict(await Promise.all(verdicts));
    },
    statesOf: (weights) => (weights && seen.get(weights)) ?? new Map(),
    latest: () => latest,
    restore: (entries, { weights, states }) => {
      for (const [siteId, state] of entries) latest.set(siteId, state);
      seen.set(weights, new Map(states));
    },
  };
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/** Of at least one verdict; a metric has a mean where it has a value at every site. */
function meanVerdict(verdicts: readonly ValidationResult[]): ValidationResult {
  const scores = verdicts.flatMap(({ score }) => (score === undefined ? [] : [score]));
  const names = Object.keys(verdicts[0]?.metrics ?? {});
  const metrics = names.flatMap((name): [string, number][] => {
    const values = verdicts.flatMap(({ metrics: { [name]: value } }) => (value === undefined ? [] : [value]));
    return values.length === verdicts.length ? [[name, mean(values)]] : [];
  });
  return {
    loss: mean(verdicts.map(({ loss }) => loss)),
    score: scores.length === verdicts.length ? mean(scores) : undefined,
    metrics: Object.fromEntries(metrics),
  };
}
