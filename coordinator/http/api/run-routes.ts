/** The queue of runs. A running coordinator sees what is asked for here in the database. */
import { z } from 'zod';
import { planHashSchema, runIdSchema, siteIdSchema } from '../../../shared/ids.ts';
import { attemptViewSchema } from '../../storage/attempt-view.ts';
import type { QueuedRun } from '../../storage/run-store.ts';
import { RUN_STATUSES } from '../../storage/tables.ts';
import { found } from '../refusal.ts';
import { publishedModelSchema } from './model-routes.ts';
import { jsonRoute, NONE, sessionOf, type Route } from './route.ts';
import type { ApiServices } from './services.ts';

export const runSchema = z.strictObject({
  runId: runIdSchema,
  planHash: planHashSchema,
  status: z.enum(RUN_STATUSES),
  /** Of a failed run. */
  failure: z.string().nullable(),
  addedAt: z.iso.datetime(),
  /** That it is for; null: all. */
  sites: z.array(siteIdSchema).nullable(),
});

const view = ({ runId, planHash, status, failure, addedAt, sites }: QueuedRun) => ({
  ...{ runId, planHash, status, failure, addedAt },
  sites: sites ? [...sites] : null,
});

const params = z.strictObject({ runId: runIdSchema });

export function runRoutes({ runs, sites, administration }: ApiServices): Route[] {
  return [
    jsonRoute({
      ...{ operation: 'listRuns', method: 'get', path: '/api/v1/runs' },
      summary: 'All runs, in the order of the queue',
      ...{ params: NONE, query: NONE, body: NONE },
      answer: z.strictObject({ runs: z.array(runSchema) }),
      handle: async () => ({ runs: (await runs.runs()).map(view) }),
    }),
    jsonRoute({
      ...{ operation: 'showRun', method: 'get', path: '/api/v1/runs/:runId' },
      summary: 'One run with what its rounds came to, and its models',
      ...{ params, query: NONE, body: NONE },
      answer: z.strictObject({
        run: runSchema,
        attempts: z.array(attemptViewSchema),
        models: z.array(publishedModelSchema),
      }),
      handle: async ({ params: { runId } }) => ({
        run: view(found(await runs.run(runId), `run ${runId}`)),
        attempts: [...(await runs.attempts(runId))],
        models: [...(await runs.models(runId))],
      }),
    }),
    jsonRoute({
      ...{ operation: 'addRun', method: 'post', path: '/api/v1/runs' },
      summary: 'Put a run of a plan into the queue',
      ...{ params: NONE, query: NONE, status: 201 },
      body: z.strictObject({
        runId: runIdSchema,
        planHash: planHashSchema,
        /** Only these; runs that share no site may be carried out at once. Absent: all. */
        sites: z.array(siteIdSchema).min(1).max(1024).optional(),
      }),
      answer: runSchema,
      handle: async ({ body, caller }) => {
        found(await runs.findPlan(body.planHash), 'such plan');
        for (const siteId of body.sites ?? []) found(await sites.find(siteId), `site ${siteId}`);
        await administration.enqueue(sessionOf(caller).user, body);
        return view(found(await runs.run(body.runId), `run ${body.runId}`));
      },
    }),
    jsonRoute({
      ...{ operation: 'wishRun', method: 'post', path: '/api/v1/runs/:runId/wishes' },
      summary: 'Let a run pause after its round, go on, or stop',
      ...{ params, query: NONE, answer: runSchema },
      body: z.strictObject({ wish: z.enum(['pause', 'resume', 'stop']) }),
      handle: async ({ params: { runId }, body: { wish }, caller }) => {
        found(await runs.run(runId), `run ${runId}`);
        await administration.wish(sessionOf(caller).user, runId, wish);
        return view(found(await runs.run(runId), `run ${runId}`));
      },
    }),
  ];
}
