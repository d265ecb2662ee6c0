/** The queue of runs. A running coordinator sees what is asked for here in the database. */
import { z } from 'zod';
import { planHashSchema, runIdSchema, siteIdSchema } from '../../../shared/ids.ts';
import { attemptViewSchema } from '../../storage/attempt-view.ts';
import type { QueuedRun } from '../../storage/run-store.ts';
import { found } from '../refusal.ts';
import { publishedModelSchema } from './model-views.ts';
import { emptyRoute, jsonRoute, NONE, sessionOf, type Route } from './route.ts';
import { runListSchema, runSchema, type RunListItem, type RunView } from './run-views.ts';
import type { ApiServices } from './services.ts';

const view = ({ runId, planHash, status, failure, addedAt, sites }: QueuedRun): RunView => ({
  ...{ runId, planHash, status, failure, addedAt },
  sites: sites ? [...sites] : null,
});

const params = z.strictObject({ runId: runIdSchema });

async function listed({ runs }: Pick<ApiServices, 'runs'>): Promise<RunListItem[]> {
  const plans = new Map((await runs.listPlans()).map((plan) => [plan.planHash, plan]));
  const done = await runs.publishedRounds();
  const all = await runs.runs();
  const waiting = all.filter(({ status }) => status === 'queued').map(({ runId }) => runId);
  return all.map((run) => {
    const plan = plans.get(run.planHash);
    const place = waiting.indexOf(run.runId);
    return {
      ...view(run),
      changedAt: run.changedAt,
      planName: plan?.name ?? '',
      roundsDone: done.get(run.runId)?.rounds ?? 0,
      bestScore: done.get(run.runId)?.bestScore ?? null,
      rounds: plan?.plan?.federation.rounds ?? null,
      queuePosition: place === -1 ? null : place + 1,
    };
  });
}

export function runRoutes(services: ApiServices): Route[] {
  const { runs, sites, administration } = services;
  return [
    jsonRoute({
      ...{ operation: 'listRuns', method: 'get', path: '/api/v1/runs' },
      summary: 'All runs, in the order of the queue',
      ...{ params: NONE, query: NONE, body: NONE, answer: runListSchema },
      handle: async () => ({ runs: await listed(services) }),
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
      ...{ params: NONE, query: NONE, status: 201, answer: runSchema },
      body: z.strictObject({
        runId: runIdSchema,
        planHash: planHashSchema,
        /** Only these; runs that share no site may be carried out at once. Absent: all. */
        sites: z.array(siteIdSchema).min(1).max(1024).optional(),
      }),
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
    emptyRoute({
      ...{ operation: 'moveRun', method: 'put', path: '/api/v1/runs/:runId/position' },
      summary: 'Give a run that waits another place in the queue',
      ...{ params, query: NONE },
      body: z.strictObject({
        /** Null: behind all that wait. */
        before: runIdSchema.nullable(),
      }),
      handle: async ({ params: { runId }, body: { before }, caller }) => {
        found(await runs.run(runId), `run ${runId}`);
        await administration.moveRun(sessionOf(caller).user, runId, before ?? undefined);
      },
    }),
  ];
}
