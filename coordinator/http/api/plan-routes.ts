/** Plans: what is trained, and how. */
import { z } from 'zod';
import { InputError } from '../../../shared/errors.ts';
import { planHashSchema } from '../../../shared/ids.ts';
import { summarisePlan } from '../../../shared/protocol/plan-summary.ts';
import { hashPlan, planSchema, type Plan } from '../../../shared/protocol/plan.ts';
import { readPlanText } from '../../plan-text.ts';
import { found, HttpRefusal } from '../refusal.ts';
import { jsonRoute, NONE, sessionOf, type Route } from './route.ts';
import type { ApiServices } from './services.ts';

const MAX_PLAN_CHARS = 64 * 1024;
/** Every character may take several bytes, or be escaped. */
const MAX_PLAN_BYTES = 8 * MAX_PLAN_CHARS;

const textSchema = z.strictObject({
  /** YAML or JSON. */
  text: z.string().min(1).max(MAX_PLAN_CHARS),
});
const checkedSchema = z.strictObject({
  planHash: planHashSchema,
  plan: planSchema,
  /** What a site reads before it approves; one sentence each. */
  summary: z.array(z.string()),
});

const view = (plan: Plan) => ({ planHash: hashPlan(plan), plan, summary: [...summarisePlan(plan)] });

export function planRoutes({ runs, models, administration }: ApiServices): Route[] {
  const read = async (text: string): Promise<Plan> => {
    try {
      return await readPlanText(text, models);
    } catch (error) {
      if (error instanceof InputError) throw new HttpRefusal(422, 'plan-invalid', error.message);
      throw error;
    }
  };
  return [
    jsonRoute({
      ...{ operation: 'listPlans', method: 'get', path: '/api/v1/plans' },
      summary: 'All plans',
      ...{ params: NONE, query: NONE, body: NONE },
      answer: z.strictObject({
        plans: z.array(z.strictObject({ planHash: planHashSchema, name: z.string(), rounds: z.int() })),
      }),
      handle: async () => ({
        plans: (await runs.plans()).map(({ planHash, plan }) => ({
          ...{ planHash, name: plan.task.name, rounds: plan.federation.rounds },
        })),
      }),
    }),
    jsonRoute({
      ...{ operation: 'showPlan', method: 'get', path: '/api/v1/plans/:planHash' },
      summary: 'One plan, with its summary in plain language',
      ...{ params: z.strictObject({ planHash: planHashSchema }), query: NONE, body: NONE },
      answer: checkedSchema,
      handle: async ({ params: { planHash } }) => view(found(await runs.findPlan(planHash), 'such plan')),
    }),
    jsonRoute({
      ...{ operation: 'checkPlan', method: 'post', path: '/api/v1/plans/check' },
      summary: 'Check a plan without keeping it',
      ...{ params: NONE, query: NONE, body: textSchema, maxBodyBytes: MAX_PLAN_BYTES },
      answer: checkedSchema,
      handle: async ({ body }) => view(await read(body.text)),
    }),
    jsonRoute({
      ...{ operation: 'addPlan', method: 'post', path: '/api/v1/plans' },
      summary: 'Check a plan and keep it; sites approve it by its hash',
      ...{ params: NONE, query: NONE, body: textSchema, maxBodyBytes: MAX_PLAN_BYTES, status: 201 },
      answer: checkedSchema,
      handle: async ({ body, caller }) => {
        const plan = await read(body.text);
        await administration.addPlan(sessionOf(caller).user, plan, hashPlan(plan));
        return view(plan);
      },
    }),
  ];
}
