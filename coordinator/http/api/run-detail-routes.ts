/** One run in all its parts: curves, evaluations, sites, timelines, privacy, events. */
import { z } from 'zod';
import { runIdSchema, type RunId } from '../../../shared/ids.ts';
import type { Plan } from '../../../shared/protocol/plan.ts';
import { bestOf } from '../../models/published-model.ts';
import type { QueuedRun } from '../../storage/run-store.ts';
import { found } from '../refusal.ts';
import { evaluationSchema } from './metric-views.ts';
import { presentTimeline, progressOf } from './round-progress.ts';
import { progressSchema, timelineSchema } from './round-views.ts';
import { jsonRoute, NONE, wholeText, type Route } from './route.ts';
import { runEventView } from './run-event-text.ts';
import { privacyView } from './run-privacy.ts';
import { attemptItems, roundPoints, runSites } from './run-rounds.ts';
import {
  attemptListSchema,
  partitionSchema,
  privacySchema,
  roundListSchema,
  runEventListSchema,
  runSiteListSchema,
  type PartitionView,
} from './run-views.ts';
import type { ApiServices } from './services.ts';

const DEFAULT_EVENTS = 100;
const MAX_EVENTS = 500;

const params = z.strictObject({ runId: runIdSchema });
const place = params.extend({ round: wholeText, attempt: wholeText });
const whichSchema = z.union([z.enum(['best', 'last']), wholeText]);

/** Images of each class at each site; undefined where no site discloses exact numbers of the plan's classes. */
async function partitionOf(
  { sites }: Pick<ApiServices, 'sites'>,
  run: QueuedRun,
  { task }: Plan,
): Promise<NonNullable<PartitionView['partition']> | undefined> {
  const active = (await sites.list()).filter(({ status }) => status === 'active');
  const members = active.filter(({ siteId }) => run.sites?.includes(siteId) ?? true);
  const told = members.map(({ siteId, about }) => {
    const classes = about?.told.counts?.classes;
    const names = classes?.map(({ name }) => name).join('\n');
    const isOfPlan = names === task.classNames.join('\n');
    return { siteId, images: isOfPlan ? classes?.map(({ images }) => images) : undefined };
  });
  const known = told.flatMap(({ siteId, images }) => (images ? [{ siteId, images }] : []));
  if (known.length === 0) return undefined;
  const unknown = told.filter(({ images }) => !images).map(({ siteId }) => siteId);
  return { classNames: [...task.classNames], sites: known, unknown };
}

export function runDetailRoutes(services: ApiServices): Route[] {
  const { runs, history, versions } = services;
  const runOf = async (runId: RunId): Promise<QueuedRun> => found(await runs.run(runId), `run ${runId}`);
  const planOf = async (runId: RunId): Promise<Plan> =>
    found(await runs.findPlan((await runOf(runId)).planHash), 'such plan');
  const roundOf = async (runId: RunId, which: z.output<typeof whichSchema>): Promise<number> => {
    const models = await versions.ofRun(runId);
    const model =
      which === 'best'
        ? bestOf(models)
        : which === 'last'
          ? models.at(-1)
          : models.find(({ round }) => round === which);
    return found(model, `model of round ${String(which)}`).round;
  };
  return [
    jsonRoute({
      ...{ operation: 'showProgress', method: 'get', path: '/api/v1/runs/:runId/progress' },
      summary: 'The attempt that is being made',
      ...{ params, query: NONE, body: NONE },
      answer: z.strictObject({ progress: progressSchema.nullable() }),
      handle: async ({ params: { runId } }) => {
        await runOf(runId);
        return { progress: progressOf(services, runId) ?? null };
      },
    }),
    jsonRoute({
      ...{ operation: 'listRounds', method: 'get', path: '/api/v1/runs/:runId/rounds' },
      summary: 'The published rounds in figures',
      ...{ params, query: NONE, body: NONE, answer: roundListSchema },
      handle: async ({ params: { runId } }) => {
        await runOf(runId);
        return { rounds: await roundPoints(services, runId) };
      },
    }),
    jsonRoute({
      ...{ operation: 'showEvaluation', method: 'get', path: '/api/v1/runs/:runId/evaluations/:which' },
      summary: 'What a published model can do: of a round, or the best or last one',
      ...{ params: params.extend({ which: whichSchema }), query: NONE, body: NONE },
      answer: evaluationSchema,
      handle: async ({ params: { runId, which } }) => {
        await runOf(runId);
        const round = await roundOf(runId, which);
        const evaluation = found(await history.evaluation(runId, round), 'evaluation of this model');
        return { ...evaluation, round };
      },
    }),
    jsonRoute({
      ...{ operation: 'listRunSites', method: 'get', path: '/api/v1/runs/:runId/sites' },
      summary: 'What each site has done in the run',
      ...{ params, query: NONE, body: NONE, answer: runSiteListSchema },
      handle: async ({ params: { runId } }) => {
        await runOf(runId);
        const kept = { sums: await history.siteSums(runId), drops: await history.drops(runId) };
        return { sites: runSites(await runs.attempts(runId), kept) };
      },
    }),
    jsonRoute({
      ...{ operation: 'listAttempts', method: 'get', path: '/api/v1/runs/:runId/attempts' },
      summary: 'All attempts at rounds, in order; the one that is being made comes last',
      ...{ params, query: NONE, body: NONE, answer: attemptListSchema },
      handle: async ({ params: { runId } }) => {
        await runOf(runId);
        const ended = attemptItems(await runs.attempts(runId), await history.attempts(runId));
        const now = services.watch.snapshot(runId);
        if (!now) return { attempts: ended };
        const { round, attempt, startMs } = now;
        const present = { round, attempt, outcome: 'running' as const, reason: null, startMs };
        return { attempts: [...ended, { ...present, endMs: null, hasTimeline: true }] };
      },
    }),
    jsonRoute({
      ...{ operation: 'showTimeline', method: 'get', path: '/api/v1/runs/:runId/timelines/:round/:attempt' },
      summary: 'Who was in which phase when',
      ...{ params: place, query: NONE, body: NONE, answer: timelineSchema },
      handle: async ({ params: { runId, ...wanted } }) => {
        await runOf(runId);
        const present = presentTimeline(services, runId, wanted);
        if (present) return present;
        const times = (await history.attempts(runId)).find(
          ({ round, attempt }) => round === wanted.round && attempt === wanted.attempt,
        );
        const kept = found(times, 'timeline of this attempt');
        const sites = await history.sitesOf(runId, wanted);
        return { ...kept, spans: [...kept.spans], sites: sites.map(({ site }) => site) };
      },
    }),
    jsonRoute({
      ...{ operation: 'showPrivacy', method: 'get', path: '/api/v1/runs/:runId/privacy' },
      summary: 'What the run’s plan does for privacy',
      ...{ params, query: NONE, body: NONE, answer: privacySchema },
      handle: async ({ params: { runId } }) => privacyView(await planOf(runId)),
    }),
    jsonRoute({
      ...{ operation: 'listRunEvents', method: 'get', path: '/api/v1/runs/:runId/events' },
      summary: 'What happened, the newest first',
      ...{ params, body: NONE, answer: runEventListSchema },
      query: z.strictObject({ before: wholeText.optional(), limit: wholeText.optional() }),
      handle: async ({ params: { runId }, query: { before, limit: wanted = DEFAULT_EVENTS } }) => {
        await runOf(runId);
        const limit = Math.min(Math.max(wanted, 1), MAX_EVENTS);
        const { events, total } = await history.events(runId, before, limit);
        const oldest = events.at(-1)?.sequence ?? 1;
        return { events: events.map(runEventView), total, next: oldest > 1 ? oldest : null };
      },
    }),
    jsonRoute({
      ...{ operation: 'showPartition', method: 'get', path: '/api/v1/runs/:runId/partition' },
      summary: 'Images of each class at each site, where sites disclose them',
      ...{ params, query: NONE, body: NONE, answer: partitionSchema },
      handle: async ({ params: { runId } }) => {
        const partition = await partitionOf(services, await runOf(runId), await planOf(runId));
        return { partition: partition ?? null };
      },
    }),
  ];
}
