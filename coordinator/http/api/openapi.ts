/** The description of the API (OpenAPI 3.1.0), made from the very schemas that requests and answers are checked with. */
import { z } from 'zod';
import { programVersion } from '../../../shared/program-version.ts';
import { ROLES } from '../../storage/tables.ts';
import { refusalSchema } from '../refusal.ts';
import { ACCESS, type Access } from './access.ts';
import type { Route } from './route.ts';
import { CSRF_HEADER } from './serve.ts';

/** A route that the application has beside the API: for sites and for watching it. */
export interface OtherRoute {
  readonly operation: string;
  readonly method: 'get' | 'post';
  readonly path: string;
  readonly summary: string;
  readonly body?: z.ZodType;
  readonly answer: { readonly mediaType: string; readonly schema?: z.ZodType };
}

type Json = z.infer<ReturnType<typeof z.json>>;
type JsonObject = Record<string, Json>;

/** As requests are written, or as answers come. What JSON Schema cannot say is left open. */
function schemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonObject {
  const described = z.toJSONSchema(schema, { io, unrepresentable: 'any', reused: 'inline' });
  const json = z.record(z.string(), z.json()).parse(JSON.parse(JSON.stringify(described)));
  // The document says once which JSON Schema it uses.
  delete json['$schema'];
  return json;
}

const content = (mediaType: string, schema: JsonObject): JsonObject => ({ [mediaType]: { schema } });
const REFUSAL: JsonObject = { $ref: '#/components/responses/Refusal' };
/** `:runId` as OpenAPI writes it. */
export const templatePath = (path: string): string => path.replaceAll(/:(\w+)/g, '{$1}');

const fieldsSchema = z.looseObject({
  properties: z.record(z.string(), z.json()).default({}),
  required: z.array(z.string()).default([]),
});

function parametersOf(fields: z.ZodObject, place: 'path' | 'query'): JsonObject[] {
  const { properties, required } = fieldsSchema.parse(schemaOf(fields, 'input'));
  return Object.entries(properties).map(([name, schema]) => ({
    ...{ name, in: place, schema },
    required: required.includes(name),
  }));
}

function answerOf({ answer }: Route): JsonObject {
  switch (answer.kind) {
    case 'json':
      return {
        [String(answer.status)]: {
          description: 'done',
          content: content('application/json', schemaOf(answer.schema, 'output')),
        },
      };
    case 'file':
      return { '200': { description: 'the file', content: content(answer.mediaType, {}) } };
    case 'empty':
      return { '204': { description: 'done' } };
  }
}

function accessOf(access: Access, method: Route['method']): JsonObject {
  if (access === 'anyone') return { security: [], 'x-roles': [] };
  const roles = access === 'signed-in' ? [...ROLES] : [...access];
  return { security: [method === 'get' ? { session: [] } : { session: [], csrf: [] }], 'x-roles': roles };
}

function operationOf(route: Route): JsonObject {
  const { operation, method, summary, params, query, body } = route;
  const hasBody = body instanceof z.ZodObject ? Object.keys(body.shape).length > 0 : true;
  return {
    operationId: operation,
    summary,
    ...accessOf(ACCESS[operation], method),
    parameters: [...parametersOf(params, 'path'), ...parametersOf(query, 'query')],
    ...(hasBody && {
      requestBody: { required: true, content: content('application/json', schemaOf(body, 'input')) },
    }),
    responses: { ...answerOf(route), default: REFUSAL },
  };
}

function otherOperationOf({ operation, summary, body, answer }: OtherRoute): JsonObject {
  const { mediaType, schema } = answer;
  return {
    operationId: operation,
    summary,
    security: [],
    ...(body && {
      requestBody: { required: true, content: content('application/json', schemaOf(body, 'input')) },
    }),
    responses: {
      default: REFUSAL,
      '2XX': { description: 'done', content: content(mediaType, schema ? schemaOf(schema, 'output') : {}) },
    },
  };
}

export function describeApi(
  routes: readonly Route[],
  others: readonly OtherRoute[],
  cookie: string,
): JsonObject {
  const paths: Record<string, JsonObject> = {};
  const add = (path: string, method: string, operation: JsonObject): void => {
    const place = templatePath(path);
    paths[place] = { ...paths[place], [method]: operation };
  };
  for (const route of routes) add(route.path, route.method, operationOf(route));
  for (const other of others) add(other.path, other.method, otherOperationOf(other));
  return {
    openapi: '3.1.0',
    info: {
      title: 'Consilium coordinator',
      version: programVersion(),
      description:
        'Federated training of medical image classifiers. People log in and use /api/v1; sites sign what they send.',
    },
    paths,
    components: {
      responses: {
        Refusal: {
          description:
            'what was asked for is refused, or failed; the code is for programs, the message for people',
          content: content('application/json', schemaOf(refusalSchema, 'output')),
        },
      },
      securitySchemes: {
        session: { type: 'apiKey', in: 'cookie', name: cookie },
        csrf: { type: 'apiKey', in: 'header', name: CSRF_HEADER },
      },
    },
  };
}
