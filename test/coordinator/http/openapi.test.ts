import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Validator } from '@seriousme/openapi-schema-validator';
import { z } from 'zod';
import { ACCESS } from '../../../coordinator/http/api/access.ts';
import { templatePath } from '../../../coordinator/http/api/openapi.ts';
import { createApiWorld, type ApiWorld } from './api-world.ts';

const operationSchema = z.looseObject({
  operationId: z.string(),
  parameters: z.array(z.looseObject({ name: z.string(), in: z.string(), required: z.boolean() })).default([]),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  'x-roles': z.array(z.string()).optional(),
});
const documentSchema = z.looseObject({
  openapi: z.literal('3.1.0'),
  paths: z.record(z.string(), z.record(z.string(), operationSchema)),
});

/** What Express has, from its own table. */
const layerSchema = z.looseObject({
  route: z.looseObject({ path: z.string(), methods: z.record(z.string(), z.boolean()) }).optional(),
});

let world: ApiWorld;
let document: z.infer<typeof documentSchema>;
let raw: unknown;
beforeAll(async () => {
  world = await createApiWorld();
  const answer = await world.ask('GET', '/api/openapi.json');
  raw = answer.body;
  document = documentSchema.parse(raw);
});
afterAll(() => world.close());

const described = (): string[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  );

describe('the description of the API', () => {
  it('is valid OpenAPI 3.1', async () => {
    const { valid, errors } = await new Validator().validate(
      z.record(z.string(), z.unknown()).parse(structuredClone(raw)),
    );
    expect(errors ?? []).toEqual([]);
    expect(valid).toBe(true);
  });

  it('has every route of the application, and no other', () => {
    const layers = world.app.router.stack.map((layer: unknown) => layerSchema.parse(layer));
    const served = layers.flatMap(({ route }) =>
      route ? Object.keys(route.methods).map((method) => `${method} ${templatePath(route.path)}`) : [],
    );
    expect(served.length).toBeGreaterThan(30);
    expect(described().sort()).toEqual(served.sort());
  });

  it('says who may use each operation, as the one table does', () => {
    const operations = Object.values(document.paths).flatMap((methods) => Object.entries(methods));
    const ids = operations.map(([, { operationId }]) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(Object.keys(ACCESS).filter((name) => !ids.includes(name))).toEqual([]);
    const byId = new Map(
      operations.map(([method, operation]) => [operation.operationId, { method, operation }]),
    );
    expect(byId.get('addRun')?.operation).toMatchObject({
      'x-roles': ['administrator'],
      security: [{ session: [], csrf: [] }],
    });
    expect(byId.get('listRuns')?.operation.security).toEqual([{ session: [] }]);
    expect(byId.get('login')?.operation.security).toEqual([]);
  });

  it('names the parameters of every path, and refuses unknown fields', () => {
    for (const [path, methods] of Object.entries(document.paths))
      for (const { parameters } of Object.values(methods)) {
        const named = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name);
        expect(named.map((name) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
      }
    const query = document.paths['/api/v1/ledger']?.['get']?.parameters;
    expect(query).toMatchObject([
      { name: 'after', in: 'query', required: false },
      { name: 'limit', in: 'query', required: false },
    ]);
    expect(document.paths['/api/v1/login']?.['post']).toMatchObject({
      requestBody: { content: { 'application/json': { schema: { additionalProperties: false } } } },
    });
  });
});
