/** A small federation for tests: three letters for sites, short deadlines, a plan of four parameters. */
import { siteIdSchema, runIdSchema, modelHashSchema, type SiteId } from '../../shared/ids.ts';
import type { RoundContext } from '../../shared/protocol/messages.ts';
import { hashPlan, type Plan, type PlanInput, planSchema } from '../../shared/protocol/plan.ts';
import { PROTOCOL_VERSION } from '../../shared/protocol/version.ts';
import type { RoundRules } from '../../coordinator/round/state.ts';
import { rulesOf } from '../../coordinator/round/state.ts';

export const site = (name: string): SiteId => siteIdSchema.parse(name);
export const sites = (...names: string[]): SiteId[] => names.map(site);
export const modelHash = (digit: string) => modelHashSchema.parse(digit.repeat(128));

export function planOf(
  federation: Partial<PlanInput['federation']> = {},
  rest: Partial<PlanInput> = {},
): Plan {
  return planSchema.parse({
    protocolVersion: PROTOCOL_VERSION,
    task: { name: 'two blobs', classNames: ['left', 'right'], imageDims: [1, 8, 8] },
    preprocessing: {},
    architecture: { name: 'cnn' },
    parameterCount: 4,
    training: { epochs: 1 },
    protection: { mode: 'box' },
    seed: 1,
    ...rest,
    federation: {
      strategy: 'fedavg',
      rounds: 3,
      minimumCohort: 2,
      minimumSurvivors: 2,
      deadlinesMs: { selecting: 1000, advertising: 2000, training: 3000 },
      ...federation,
    },
  });
}

/** The fields of a plan that starts from a file, but for the file. */
export function withoutArchitecture(plan: Plan): Partial<Plan> {
  const fields: Partial<Plan> = { ...plan };
  delete fields.architecture;
  return fields;
}

export function contextOf(plan: Plan, position: Partial<RoundContext> = {}): RoundContext {
  return {
    runId: runIdSchema.parse('run-1'),
    round: 1,
    attempt: 1,
    planHash: hashPlan(plan),
    modelHash: modelHash('a'),
    ...position,
  };
}

export const rules = (federation: Partial<PlanInput['federation']> = {}): RoundRules =>
  rulesOf(planOf(federation));
