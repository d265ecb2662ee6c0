import { describe, expect, it } from 'vitest';
import { hashPlan, planSchema } from '../../../shared/protocol/plan.ts';
import { contextOf, planOf, site, sites } from '../../coordinator/fixtures.ts';
import { siteIdSchema } from '../../../shared/ids.ts';
import { strategySchema } from '../../../shared/protocol/strategy.ts';
import { compareAttempts, sameContext } from '../../../shared/protocol/messages.ts';

const scaffold = strategySchema.parse('scaffold');

describe('the plan', () => {
  it('keeps its hash on the way through JSON and a second parse', () => {
    const plan = planOf({}, { training: { augmentation: 'xray' } });
    const again = planSchema.parse(JSON.parse(JSON.stringify(plan)));
    expect(again).toEqual(plan);
    expect(hashPlan(again)).toBe(hashPlan(plan));
    expect(hashPlan(plan)).toMatch(/^[0-9a-f]{128}$/);
  });

  it('has another hash when anything changes', () => {
    const hashes = [
      planOf(),
      planOf({ rounds: 4 }),
      planOf({}, { seed: 2 }),
      planOf({}, { training: { learningRate: 0.002 } }),
      planOf({ deadlinesMs: { training: 3001 } }),
    ].map(hashPlan);
    expect(new Set(hashes).size).toBe(hashes.length);
  });

  it.each([
    ['an unknown key', { extra: 1 }, 'extra'],
    ['survivors above the cohort', { federation: { minimumSurvivors: 3 } }, 'minimumSurvivors'],
    ['a plateau schedule', { training: { schedule: { kind: 'plateau' } } }, 'schedule'],
    ['early stopping at a site', { training: { earlyStopping: { patience: 2 } } }, 'earlyStopping'],
    ['SCAFFOLD with Adam', { federation: { strategy: { ...scaffold } } }, 'plain SGD'],
    ['a parameter of another strategy', { federation: { strategy: { ...scaffold, mu: 1 } } }, 'mu'],
    ['an unknown strategy', { federation: { strategy: 'fedmagic' } }, 'fedavg, fedprox'],
    ['a norm bound of 0', { federation: { maximumUpdateL2Norm: 0 } }, 'maximumUpdateL2Norm'],
    ['a protection that does not exist', { protection: { mode: 'none' } }, 'mode'],
    [
      'a limit of training below its deadline',
      { federation: { trainingLimitFactor: 0.5 } },
      'trainingLimitFactor',
    ],
    [
      'a local validation on most images',
      { evaluation: { localValidationFraction: 0.6 } },
      'localValidationFraction',
    ],
    ['a seed that is no integer', { seed: 0.5 }, 'seed'],
  ])('refuses %s', (_, change, field) => {
    const plan = planOf();
    const changed = { ...plan, ...change };
    if ('federation' in change)
      Object.assign(changed, { federation: { ...plan.federation, ...change.federation } });
    const parsed = planSchema.safeParse(changed);
    expect(parsed.success).toBe(false);
    expect(JSON.stringify(parsed.error?.issues)).toContain(field);
  });
});

describe('names and contexts', () => {
  it('takes DNS-label names only', () => {
    for (const name of ['', '-a', 'a-', 'A', 'a_b', '../x', 'a'.repeat(64)])
      expect(siteIdSchema.safeParse(name).success, name).toBe(false);
    expect(sites('a', 'site-10')).toEqual([site('a'), site('site-10')]);
  });

  it('orders attempts and compares contexts by all fields', () => {
    const plan = planOf();
    const context = contextOf(plan);
    expect(compareAttempts({ round: 1, attempt: 9 }, { round: 2, attempt: 1 })).toBeLessThan(0);
    expect(compareAttempts({ round: 2, attempt: 2 }, { round: 2, attempt: 1 })).toBeGreaterThan(0);
    expect(sameContext(context, contextOf(plan))).toBe(true);
    expect(sameContext(context, contextOf(planOf({ rounds: 9 })))).toBe(false);
    expect(sameContext(context, contextOf(plan, { attempt: 2 }))).toBe(false);
  });
});
