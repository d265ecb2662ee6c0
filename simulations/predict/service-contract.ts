/** What the local prediction service takes and gives: the schemas that check every request, and their OpenAPI description. */
import { z } from 'zod';
import { EXPLANATION_METHODS } from '../../shared/learning/explanations/explainer.ts';
import { DISCLAIMER, type ModelSummary } from './answers.ts';

/** Of an image file in a request. A digital radiograph has 10 to 30 MB. */
export const LARGEST_BODY_BYTES = 64 * 2 ** 20;
export const MOST_COPIES = 64;

/** Text, since a query has nothing else; an empty value is an error and not 0. */
const numberText = z
  .string()
  .regex(/^\d+(\.\d+)?$/, 'expected a number')
  .transform(Number);

export const querySchema = z.strictObject({
  augment: numberText.pipe(z.int().min(0).max(MOST_COPIES)).default(0),
  abstain: numberText.pipe(z.number().min(0).max(1)).default(0),
  heatmap: z.enum(EXPLANATION_METHODS).optional(),
});
export type ServiceQuery = z.infer<typeof querySchema>;

const probability = z.number().min(0).max(1);

export const answerSchema = z.strictObject({
  image: z.literal('image').describe('Images have no name here.'),
  label: z.string().nullable().describe('The answer; null when the model abstains.'),
  mostProbable: z.string(),
  confidence: probability,
  abstained: z.boolean(),
  probabilities: z.record(z.string(), probability),
  spread: z
    .record(z.string(), z.number().min(0))
    .optional()
    .describe('Standard deviation over changed copies of the image.'),
  heatmap: z.string().optional().describe('A PNG in base64.'),
  weightsDigest: z.string(),
  disclaimer: z.string(),
});

export const errorSchema = z.strictObject({
  error: z.strictObject({ code: z.string(), message: z.string() }),
});

const content = (schema: z.ZodType): object => ({
  'application/json': { schema: z.toJSONSchema(schema, { target: 'openapi-3.0' }) },
});

const ERRORS: Readonly<Record<string, string>> = {
  400: 'A parameter cannot be used.',
  413: `The image has more than ${String(LARGEST_BODY_BYTES)} bytes.`,
  415: 'The body is not sent as an image.',
  422: 'The body is no image that can be decoded.',
  503: 'Too many requests are waiting.',
};

const parameter = (name: string, description: string, schema: object): object => ({
  ...{ name, in: 'query', required: false, description, schema },
});

const FILE = { schema: { type: 'string', format: 'binary' } } as const;

/** OpenAPI 3.0.3. */
export function openApiDocument(model: ModelSummary, version: string): object {
  const errors = Object.entries(ERRORS).map(([status, description]): [string, object] => [
    status,
    { description, content: content(errorSchema) },
  ]);
  return {
    openapi: '3.0.3',
    info: {
      title: 'Consilium: local prediction',
      version,
      description: `Classes: ${model.classNames.join(', ')}. ${DISCLAIMER}`,
    },
    paths: {
      '/predict': {
        post: {
          summary: 'Classifies one image',
          parameters: [
            parameter('augment', 'Changed copies of the image over which probabilities are averaged.', {
              ...{ type: 'integer', minimum: 0, maximum: MOST_COPIES, default: 0 },
            }),
            parameter('abstain', 'Confidence below which there is no answer.', {
              ...{ type: 'number', minimum: 0, maximum: 1, default: 0 },
            }),
            parameter('heatmap', 'Adds a heat map for the most probable class.', {
              ...{ type: 'string', enum: EXPLANATION_METHODS },
            }),
          ],
          requestBody: {
            required: true,
            description: 'A PNG, JPEG, TIFF, WebP or BMP file as it is.',
            content: { 'image/*': FILE, 'application/octet-stream': FILE },
          },
          responses: {
            200: { description: 'The answer', content: content(answerSchema) },
            ...Object.fromEntries(errors),
          },
        },
      },
      '/model': { get: { summary: 'What the model is', responses: { 200: { description: 'Its summary' } } } },
      '/health': {
        get: { summary: 'Whether the service runs', responses: { 200: { description: 'It does' } } },
      },
    },
  };
}
