/** What runs have published, to be read and downloaded. */
import { z } from 'zod';
import { modelHashSchema, runIdSchema, type RunId } from '../../../shared/ids.ts';
import { programVersion } from '../../../shared/program-version.ts';
import { modelCard } from '../../models/model-card.ts';
import { layersModelOf, onnxOf, type Publication } from '../../models/published-model.ts';
import { found } from '../refusal.ts';
import { fileRoute, jsonRoute, NONE, type Route } from './route.ts';
import type { ApiServices } from './services.ts';

export const publishedModelSchema = z.strictObject({
  round: z.int().min(0),
  modelHash: modelHashSchema,
  /** On the coordinator's validation images, 0…1; null where there are none. */
  score: z.number().nullable(),
});

const roundText = z
  .string()
  .regex(/^(?:0|[1-9]\d{0,8})$/)
  .transform(Number);
const params = z.strictObject({ runId: runIdSchema, round: roundText });

export function modelRoutes({ runs, models }: ApiServices): Route[] {
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
