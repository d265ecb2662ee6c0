/** Plans: what is trained, and how. */
import { stringify } from 'yaml';
import { z } from 'zod';
import { InputError } from '../../../shared/errors.ts';
import { planHashSchema, type PlanHash } from '../../../shared/ids.ts';
import { planDifference } from '../../../shared/protocol/plan-difference.ts';
import { summarisePlan } from '../../../shared/protocol/plan-summary.ts';
import { hashPlan, type Plan } from '../../../shared/protocol/plan.ts';
import { readPlanText } from '../../plan-text.ts';
import type { RegisteredSite } from '../../storage/site-registry.ts';
import { found, HttpRefusal } from '../refusal.ts';
import {
  checkedPlanSchema,
  planDetailSchema,
  planDifferenceSchema,
  planListSchema,
  type CheckedPlan,
  type PlanDetail,
  type PlanListItem,
} from './plan-views.ts';
import { emptyRoute, jsonRoute, NONE, sessionOf, type Route } from './route.ts';
import type { ApiServices } from './services.ts';
import { decisionOf } from './site-listing.ts';

const MAX_PLAN_CHARS = 64 * 1024;
/** Every character may take several bytes, or be escaped. */
const MAX_PLAN_BYTES = 8 * MAX_PLAN_CHARS;

const textSchema = z.strictObject({
  /** YAML or JSON. */
  text: z.string().min(1).max(MAX_PLAN_CHARS),
});

const view = (plan: Plan): CheckedPlan => ({
  ...{ planHash: hashPlan(plan), plan, summary: [...summarisePlan(plan)] },
});

/** Names of what follows from the rest. */
const DERIVED: readonly string[] = ['protocolVersion', 'parameterCount'] satisfies readonly (keyof Plan)[];

/** As people write it: without what follows from the rest. */
function textOf(plan: Plan): string {
  const fields = Object.entries(plan).filter(
    ([name, value]) => !DERIVED.includes(name) && value !== undefined,
  );
  return stringify(Object.fromEntries(fields));
}

const params = z.strictObject({ planHash: planHashSchema });

export function planRoutes({ runs, sites, models, administration }: ApiServices): Route[] {
  const read = async (text: string): Promise<Plan> => {
    try {
      return await readPlanText(text, models);
    } catch (error) {
      if (error instanceof InputError) throw new HttpRefusal(422, 'plan-invalid', error.message);
      throw error;
    }
  };
  const activeSites = async (): Promise<readonly RegisteredSite[]> =>
    (await sites.list()).filter(({ status }) => status === 'active');
  const planOf = async (planHash: PlanHash): Promise<Plan> =>
    found(await runs.findPlan(planHash), 'such plan');

  const listed = async (): Promise<PlanListItem[]> => {
    const [active, all] = [await activeSites(), await runs.runs()];
    return (await runs.listPlans()).map(({ planHash, name, addedAt, plan }) => ({
      ...{ planHash, name, addedAt },
      rounds: plan?.federation.rounds ?? null,
      minimumCohort: plan?.federation.minimumCohort ?? null,
      protection: plan?.protection.mode ?? null,
      runs: all.filter((run) => run.planHash === planHash).length,
      approvals: active.filter((site) => decisionOf(site, planHash) === 'approved').length,
      activeSites: active.length,
    }));
  };
  const detailed = async (planHash: PlanHash): Promise<PlanDetail> => {
    const plan = await planOf(planHash);
    const entry = (await runs.listPlans()).find((one) => one.planHash === planHash);
    const users = (await runs.runs()).filter((run) => run.planHash === planHash);
    return {
      ...view(plan),
      addedAt: found(entry, 'such plan').addedAt,
      text: textOf(plan),
      runs: users.map(({ runId }) => runId),
      sites: (await activeSites()).map((site) => ({
        ...{ siteId: site.siteId, decision: decisionOf(site, planHash) },
      })),
      isRemovable: users.length === 0,
    };
  };
  return [
    jsonRoute({
      ...{ operation: 'listPlans', method: 'get', path: '/api/v1/plans' },
      summary: 'All plans',
      ...{ params: NONE, query: NONE, body: NONE, answer: planListSchema },
      handle: async () => ({ plans: await listed() }),
    }),
    jsonRoute({
      ...{ operation: 'showPlan', method: 'get', path: '/api/v1/plans/:planHash' },
      summary: 'One plan, with its summary in plain language and what the sites say of it',
      ...{ params, query: NONE, body: NONE, answer: planDetailSchema },
      handle: ({ params: { planHash } }) => detailed(planHash),
    }),
    jsonRoute({
      ...{ operation: 'comparePlans', method: 'get', path: '/api/v1/plans/:planHash/difference/:other' },
      summary: 'What is different in a plan from another one',
      ...{ params: params.extend({ other: planHashSchema }), query: NONE, body: NONE },
      answer: planDifferenceSchema,
      handle: async ({ params: { planHash, other } }) => ({
        differences: [...planDifference(await planOf(other), await planOf(planHash))],
      }),
    }),
    jsonRoute({
      ...{ operation: 'checkPlan', method: 'post', path: '/api/v1/plans/check' },
      summary: 'Check a plan without keeping it',
      ...{ params: NONE, query: NONE, body: textSchema, maxBodyBytes: MAX_PLAN_BYTES },
      answer: checkedPlanSchema,
      handle: async ({ body }) => view(await read(body.text)),
    }),
    jsonRoute({
      ...{ operation: 'addPlan', method: 'post', path: '/api/v1/plans' },
      summary: 'Check a plan and keep it; sites approve it by its hash',
      ...{ params: NONE, query: NONE, body: textSchema, maxBodyBytes: MAX_PLAN_BYTES, status: 201 },
      answer: checkedPlanSchema,
      handle: async ({ body, caller }) => {
        const plan = await read(body.text);
        await administration.addPlan(sessionOf(caller).user, plan, hashPlan(plan));
        return view(plan);
      },
    }),
    emptyRoute({
      ...{ operation: 'removePlan', method: 'delete', path: '/api/v1/plans/:planHash' },
      summary: 'Remove a plan that no run has used',
      ...{ params, query: NONE, body: NONE },
      handle: async ({ params: { planHash }, caller }) => {
        const known = (await runs.listPlans()).find((one) => one.planHash === planHash);
        await administration.removePlan(sessionOf(caller).user, found(known, 'such plan').planHash);
      },
    }),
  ];
}
