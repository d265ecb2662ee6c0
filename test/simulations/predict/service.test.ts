import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePhantoms } from '../../../shared/data/phantoms.ts';
import { encodePng } from '../../../shared/data/png.ts';
import { imageAt } from '../../../shared/data/preprocess.ts';
import { openModel, type OpenedModel } from '../../../simulations/predict/model-location.ts';
import {
  answerSchema,
  errorSchema,
  LARGEST_BODY_BYTES,
} from '../../../simulations/predict/service-contract.ts';
import { createService, listen, type RunningService } from '../../../simulations/predict/service.ts';

const MODEL = fileURLToPath(new URL('../../vectors/explanations/phantom-cnn.onnx', import.meta.url));
const image = imageAt(makePhantoms({ count: 1, seed: 4 }), 0);
const PNG = { 'content-type': 'image/png' };

let model: OpenedModel;
let service: RunningService;
let png: Uint8Array<ArrayBuffer>;

beforeAll(async () => {
  model = await openModel(MODEL, 'onnx');
  const { classifier } = model;
  service = await listen(
    createService({ classifier, version: '1', defaults: { augment: 0, abstain: 0 } }),
    0,
  );
  png = new Uint8Array(await encodePng(image));
});
afterAll(async () => {
  await service.close();
  await model.classifier.dispose();
});

const post = (
  path: string,
  body: Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = PNG,
): Promise<Response> => fetch(`${service.url}${path}`, { method: 'POST', body, headers });

async function refusal(response: Response): Promise<{ status: number; code: string; message: string }> {
  const { error } = errorSchema.parse(await response.json());
  return { status: response.status, ...error };
}

describe('the local prediction service', () => {
  it('answers as the classifier does, in its documented form', async () => {
    const response = await post('/predict', png);
    const answer = answerSchema.parse(await response.json());
    const { classifier } = model;
    const { label, probabilities } = await classifier.classify(classifier.prepare(image));
    expect(answer).toMatchObject({ label, abstained: false });
    expect(Object.values(answer.probabilities)).toEqual(probabilities);
    expect(Object.keys(answer.probabilities)).toEqual(classifier.file.description.classNames);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('x-powered-by')).toBeNull();
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('gives spread, abstention and a heat map on request', async () => {
    const response = await post('/predict?augment=5&abstain=1&heatmap=gradcam', png);
    const answer = answerSchema.parse(await response.json());
    expect(answer).toMatchObject({ label: null, abstained: true });
    expect(Object.keys(answer.spread ?? {})).toHaveLength(3);
    const { classifier } = model;
    const own = await classifier.classify(classifier.prepare(image), { augmentedCopies: 5 });
    expect(Object.values(answer.probabilities)).toEqual(own.probabilities);
    expect(
      Buffer.from(answer.heatmap ?? '', 'base64')
        .subarray(1, 4)
        .toString(),
    ).toBe('PNG');
  });

  it('describes itself and the model', async () => {
    const document: unknown = await (await fetch(`${service.url}/openapi.json`)).json();
    expect(document).toMatchObject({ openapi: '3.0.3', paths: { '/predict': { post: {} }, '/model': {} } });
    const summary: unknown = await (await fetch(`${service.url}/model`)).json();
    expect(summary).toMatchObject({ classNames: ['normal', 'nodule', 'effusion'], calibrated: false });
    expect(await (await fetch(`${service.url}/health`)).json()).toEqual({ status: 'ok' });
  });

  it.each([
    ['/predict?augment=-1', 400, 'PARAMETER', /augment/],
    ['/predict?augment=1000', 400, 'PARAMETER', /augment/],
    ['/predict?augment=1.5', 400, 'PARAMETER', /augment/],
    ['/predict?augment=', 400, 'PARAMETER', /augment/],
    ['/predict?augment=1&augment=2', 400, 'PARAMETER', /augment/],
    ['/predict?abstain=2', 400, 'PARAMETER', /abstain/],
    ['/predict?heatmap=magic', 400, 'PARAMETER', /heatmap/],
    ['/predict?unknown=1', 400, 'PARAMETER', /unknown/],
    ['/elsewhere', 404, 'NOT_FOUND', /openapi/],
  ])('%s is refused with %i', async (path, status, code, message) => {
    const refused = await refusal(await post(path, png));
    expect(refused).toMatchObject({ status, code });
    expect(refused.message).toMatch(message);
  });

  it.each([
    ['text', new TextEncoder().encode('no image')],
    ['half a file', 'half'],
    ['nothing', new Uint8Array(0)],
  ])('%s instead of an image: 422 with the reason, and no path', async (_name, given) => {
    const body: Uint8Array<ArrayBuffer> =
      given === 'half' ? png.slice(0, png.length / 2) : new Uint8Array(Buffer.from(given));
    const refused = await refusal(await post('/predict', body));
    expect([400, 422]).toContain(refused.status);
    expect(refused.message).not.toMatch(/\/|node_modules/);
  });

  it('takes only what a foreign page cannot send unasked', async () => {
    for (const type of ['text/plain', 'multipart/form-data; boundary=x', 'application/x-www-form-urlencoded'])
      expect(await refusal(await post('/predict', png, { 'content-type': type }))).toMatchObject({
        status: 415,
      });
    const preflight = await fetch(`${service.url}/predict`, { method: 'OPTIONS' });
    expect(preflight.headers.get('access-control-allow-methods')).toBeNull();
  });

  it('answers to no other name', async () => {
    const { hostname, port } = new URL(service.url);
    const status = await new Promise<number | undefined>((resolve, reject) => {
      httpRequest({ hostname, port, path: '/health', headers: { host: 'attacker.example' } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(403);
  });

  it('refuses a body that is too large before it has arrived', async () => {
    const { hostname, port } = new URL(service.url);
    const answer = await new Promise<{ status: number | undefined; text: string }>((resolve, reject) => {
      const request = httpRequest(
        {
          ...{ hostname, port, path: '/predict', method: 'POST' },
          headers: { ...PNG, 'content-length': String(LARGEST_BODY_BYTES + 1) },
        },
        (response) => {
          let text = '';
          response.on('data', (data: Buffer) => (text += data.toString()));
          response.on('end', () => {
            resolve({ status: response.statusCode, text });
            request.destroy();
          });
        },
      );
      request.on('error', reject);
      request.write(png);
    });
    expect(answer.status).toBe(413);
    expect(errorSchema.parse(JSON.parse(answer.text)).error.code).toBe('TOO_LARGE');
  });

  it('works on when requests come at the same time, and refuses a flood', async () => {
    const responses = await Promise.all(Array.from({ length: 40 }, () => post('/predict', png)));
    const statuses = responses.map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([200, ...(statuses.includes(503) ? [503] : [])]));
    expect((await post('/predict', png)).status).toBe(200);
  });

  it('says which port is taken', async () => {
    const { classifier } = model;
    const app = createService({ classifier, version: '1', defaults: { augment: 0, abstain: 0 } });
    await expect(listen(app, Number(new URL(service.url).port))).rejects.toThrow(/--serve/);
  });
});

it('model files are found in runs, and other files refused by name', async () => {
  await expect(openModel(fileURLToPath(new URL('.', import.meta.url)), 'onnx')).rejects.toThrow(
    /finished run/,
  );
  await expect(openModel('/no/such/run', 'onnx')).rejects.toThrow(/--model \/no\/such\/run/);
  await expect(openModel(fileURLToPath(import.meta.url), 'onnx')).rejects.toThrow(/service\.test\.ts/);
  expect(model.bytes.length).toBe(readFileSync(MODEL).length);
});
