/** What the application serves beside the API: to sites, and to whoever watches it. */
import { z } from 'zod';
import { ENROL_PATH, enrolAnswerSchema, enrolRequestSchema } from '../../shared/protocol/enrolment.ts';
import { INITIAL_MODEL_PATH, modelRequestSchema } from '../../shared/protocol/model-request.ts';
import { SITE_ABOUT_PATH, siteAboutRequestSchema } from '../../shared/protocol/site-about.ts';
import {
  FEDERATION_PATH,
  federationAnswerSchema,
  federationRequestSchema,
} from '../../shared/protocol/site-requests.ts';
import type { OtherRoute } from './api/openapi.ts';

export const HEALTH_PATH = '/healthz';
export const READY_PATH = '/readyz';
export const METRICS_PATH = '/metrics';
export const DESCRIPTION_PATH = '/api/openapi.json';

const json = (schema: z.ZodType): OtherRoute['answer'] => ({ mediaType: 'application/json', schema });

export const OTHER_ROUTES: readonly OtherRoute[] = [
  {
    ...{ operation: 'isAlive', method: 'get', path: HEALTH_PATH },
    summary: 'Whether the process answers',
    answer: json(z.strictObject({ status: z.literal('ok') })),
  },
  {
    ...{ operation: 'isReady', method: 'get', path: READY_PATH },
    summary: 'Whether sites can be served',
    answer: json(z.strictObject({ status: z.enum(['ready', 'not-ready']) })),
  },
  {
    ...{ operation: 'countMetrics', method: 'get', path: METRICS_PATH },
    summary: 'Counters for Prometheus: to this machine, or with a bearer token',
    answer: { mediaType: 'text/plain' },
  },
  {
    ...{ operation: 'describeApi', method: 'get', path: DESCRIPTION_PATH },
    summary: 'This description',
    answer: { mediaType: 'application/json' },
  },
  {
    ...{ operation: 'enrolSite', method: 'post', path: ENROL_PATH },
    summary: 'A site joins with its invitation',
    body: enrolRequestSchema,
    answer: json(enrolAnswerSchema),
  },
  {
    ...{ operation: 'showFederation', method: 'post', path: FEDERATION_PATH },
    summary: 'Roster and plans, for a site that signs its request',
    body: federationRequestSchema,
    answer: json(federationAnswerSchema),
  },
  {
    ...{ operation: 'fetchInitialModel', method: 'post', path: INITIAL_MODEL_PATH },
    summary: 'The model file that a plan starts from, for a site that signs its request',
    body: modelRequestSchema,
    answer: { mediaType: 'application/octet-stream' },
  },
  {
    ...{ operation: 'tellOfSite', method: 'post', path: SITE_ABOUT_PATH },
    summary: 'What a site tells of itself: its program, its number of images, the plans that it has approved',
    body: siteAboutRequestSchema,
    answer: { mediaType: 'text/plain' },
  },
];
