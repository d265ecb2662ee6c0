/** What runs have published, to be read and downloaded. */
import { z } from 'zod';
import { runIdSchema, type RunId } from '../../../shared/ids.ts';
import { programVersion } from '../../../shared/program-version.ts';
import { modelCard } from '../../models/model-card.ts';
import { layersModelOf, onnxOf, type Publication } from '../../models/published-model.ts';
import { found } from '../refusal.ts';
import { compareModels, currentModel, modelDetail, versionViews } from './model-details.ts';
import {
  currentModelSchema,
  modelComparisonSchema,
  modelDetailSchema,
  modelVersionListSchema,
  publishedModelSchema,
} from './model-views.ts';
import { fileRoute, jsonRoute, NONE, sessionOf, wholeText, type Route } from './route.ts';
import type { ApiServices } from './services.ts';

const DEFAULT_MODELS = 100;
const MAX_MODELS = 500;

const params = z.strictObject({ runId: runIdSchema, round: wholeText });

/** `run:round`, as in a link. */
const placeText = z
  .string()
  .max(80)
  .transform((text) => ({ runId: text.split(':')[0], round: text.split(':')[1] }))
  .pipe(params.refine(({ round }) => Number.isInteger(round)));

export function modelRoutes(services: ApiServices): Route[] {
  const { runs, models, versions, administration } = services;
  const publication = async (runId: RunId, round: number): Promise<Publication> => {
    const run = found(await runs.run(runId), `run ${runId}`);
    const model = (await runs.models(runId)).find((published) => published.round === round);
    const plan = found(await runs.findPlan(run.planHash), 'such plan');
    return { runId, plan, model: found(model, `model of round ${String(round)}`) };
  };
  const nameOf = ({ runId, model }: Publication, end: string): string =>
    `${runId}-round-${String(model.round)}${end}`;
  return [
    jsonRoute({
      ...{ operation: 'listModels', method: 'get', path: '/api/v1/runs/:runId/models' },
      summary: 'The published models of a run',
      ...{ params: z.strictObject({ runId: runIdSchema }), query: NONE, body: NONE },
      answer: z.strictObject({ models: z.array(publishedModelSchema) }),
      handle: async ({ params: { runId } }) => {
        found(await runs.run(runId), `run ${runId}`);
        return { models: [...(await runs.models(runId))] };
      },
    }),
    jsonRoute({
      ...{ operation: 'listVersions', method: 'get', path: '/api/v1/models' },
      summary: 'The published models of all runs, the newest first',
      ...{ params: NONE, body: NONE, answer: modelVersionListSchema },
      query: z.strictObject({ offset: wholeText.optional(), limit: wholeText.optional() }),
      handle: async ({ query: { offset = 0, limit: wanted = DEFAULT_MODELS } }) => {
        const limit = Math.min(Math.max(wanted, 1), MAX_MODELS);
        const total = await versions.count();
        const page = await versionViews(services, await versions.page(offset, limit));
        return { models: page, total, next: offset + page.length < total ? offset + page.length : null };
      },
    }),
    jsonRoute({
      ...{ operation: 'showCurrentModel', method: 'get', path: '/api/v1/models/current' },
      summary: 'The model that is in use, and those before it',
      ...{ params: NONE, query: NONE, body: NONE, answer: currentModelSchema },
      handle: () => currentModel(services),
    }),
    jsonRoute({
      ...{ operation: 'promoteModel', method: 'put', path: '/api/v1/models/current' },
      summary: 'Put a published model into use',
      ...{ params: NONE, query: NONE, answer: currentModelSchema },
      body: z.strictObject({ runId: runIdSchema, round: z.int().min(0).max(1_000_000) }),
      handle: async ({ body, caller }) => {
        const { runId, round } = body;
        found(await versions.find(body), `model of round ${String(round)} of run ${runId}`);
        await administration.promoteModel(sessionOf(caller).user, body);
        return currentModel(services);
      },
    }),
    jsonRoute({
      ...{ operation: 'rollBackModel', method: 'post', path: '/api/v1/models/rollback' },
      summary: 'Put into use again what was in use before',
      ...{ params: NONE, query: NONE, body: NONE, answer: currentModelSchema },
      handle: async ({ caller }) => {
        await administration.rollBackModel(sessionOf(caller).user);
        return currentModel(services);
      },
    }),
    jsonRoute({
      ...{ operation: 'compareModels', method: 'get', path: '/api/v1/models/comparison' },
      summary: 'Two published models side by side',
      ...{ params: NONE, body: NONE, answer: modelComparisonSchema },
      query: z.strictObject({ a: placeText, b: placeText }),
      handle: ({ query }) => compareModels(services, query),
    }),
    jsonRoute({
      ...{ operation: 'showModel', method: 'get', path: '/api/v1/runs/:runId/models/:round' },
      summary: 'A published model with where it comes from and what it can do',
      ...{ params, query: NONE, body: NONE, answer: modelDetailSchema },
      handle: ({ params: place }) => modelDetail(services, place),
    }),
    fileRoute({
      ...{ operation: 'showModelCard', method: 'get', path: '/api/v1/runs/:runId/models/:round/card' },
      summary: 'The card of a published model, Markdown',
      ...{ params, query: NONE, body: NONE, mediaType: 'text/markdown' },
      handle: async ({ params: { runId, round } }) => {
        const published = await publication(runId, round);
        const text = modelCard(published, await runs.attempts(runId));
        return { name: nameOf(published, '-card.md'), bytes: new TextEncoder().encode(text) };
      },
    }),
    fileRoute({
      ...{ operation: 'downloadOnnx', method: 'get', path: '/api/v1/runs/:runId/models/:round/onnx' },
      summary: 'A published model as an ONNX file',
      ...{ params, query: NONE, body: NONE, mediaType: 'application/octet-stream' },
      handle: async ({ params: { runId, round } }) => {
        const published = await publication(runId, round);
        const bytes = await onnxOf(published, models, programVersion());
        return { name: nameOf(published, '.onnx'), bytes };
      },
    }),
    fileRoute({
      ...{ operation: 'downloadLayersModel', method: 'get' },
      path: '/api/v1/runs/:runId/models/:round/layers-model',
      summary: 'A published model for TensorFlow.js: a zip file of model.json and its weights',
      ...{ params, query: NONE, body: NONE, mediaType: 'application/zip' },
      handle: async ({ params: { runId, round } }) => {
        const published = await publication(runId, round);
        const bytes = await layersModelOf(published, models);
        return { name: nameOf(published, '-layers-model.zip'), bytes };
      },
    }),
  ];
}
