/** A site fetches the model file that a plan starts from over HTTP: once, by digest, and nothing else. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import express from 'express';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LocalTrainer } from '../../../client/training/local-update.ts';
import {
  ensureInitialModel,
  readInitialModel,
  withInitialModel,
  type FetchModel,
} from '../../../client/training/initial-model-file.ts';
import { fetchInitialModel } from '../../../client/transport/coordinator-api.ts';
import { serveInitialModel, type InitialModelOptions } from '../../../coordinator/http/initial-model.ts';
import { ModelStore } from '../../../coordinator/storage/model-store.ts';
import { systemClock } from '../../../shared/clock.ts';
import { fingerprintOf } from '../../../shared/crypto/fingerprint.ts';
import { toHex } from '../../../shared/crypto/bytes.ts';
import { createIdentity } from '../../../shared/crypto/identity.ts';
import type { InitialModel } from '../../../shared/protocol/initial-model.ts';
import { INITIAL_MODEL_PATH, signModelRequest } from '../../../shared/protocol/model-request.ts';
import { hashPlan, planSchema } from '../../../shared/protocol/plan.ts';
import { planOf, site, withoutArchitecture } from '../fixtures.ts';

const bytes = Uint8Array.from({ length: 60_000 }, (_, i) => (i * 7) % 251);
const digestOf = (data: Uint8Array): string => createHash('sha512').update(data).digest('hex');
const initial = (change: Partial<InitialModel> = {}): InitialModel => ({
  ...{
    sha512: digestOf(bytes),
    byteLength: bytes.length,
    freeze: ['a'],
    bodyRateFactor: 1,
    trainableCount: 2,
  },
  ...change,
});
const plan = planSchema.parse({ ...withoutArchitecture(planOf()), initialModel: initial() });

const coordinator = createIdentity();
const identity = createIdentity();
const federationId = fingerprintOf(coordinator.publicKey).replaceAll(' ', '');
let clockMs = 1_000_000_000;
const clock = { ...systemClock, nowMs: () => clockMs };

let root: string;
let server: Server;
let url: string;
let requests: number;
let status: 'active' | 'suspended';

async function serve(options: Partial<InitialModelOptions> = {}): Promise<void> {
  const app = express();
  app.use((_request, _response, next) => {
    requests++;
    next();
  });
  app.use(express.json({ limit: 16_384 }));
  app.post(
    INITIAL_MODEL_PATH,
    serveInitialModel({
      folder: { federationId, models: join(root, 'store') },
      registry: {
        find: (siteId) =>
          Promise.resolve(
            siteId === 'north'
              ? { siteId, publicKey: identity.publicKey, fingerprint: '', status, enrolledAt: '' }
              : undefined,
          ),
      },
      runs: { plans: () => Promise.resolve([{ planHash: hashPlan(plan), plan }]) },
      clock,
      ...options,
    }),
  );
  server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  url = `http://127.0.0.1:${String(address.port)}`;
}

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'consilium-initial-model-'));
  requests = 0;
  clockMs = 1_000_000_000;
  status = 'active';
  await new ModelStore(join(root, 'store')).put(bytes);
  await serve();
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(root, { recursive: true });
});

const asker = (name = 'north', key = identity): FetchModel => {
  const config = {
    siteId: site(name),
    coordinator: { url, federationId, key: toHex(coordinator.publicKey) },
  };
  return (model) => fetchInitialModel({ url }, config, key, { model, clock });
};
const folder = (): string => join(root, 'site');
/** By digest: thousands of bytes are compared slowly. */
const keptDigest = async (): Promise<string> =>
  digestOf((await readInitialModel(plan, folder())) ?? new Uint8Array());

describe('the model file of a plan', () => {
  it('comes once and is kept under its digest', async () => {
    expect(await ensureInitialModel(plan, folder(), asker())).toBe(true);
    expect(await ensureInitialModel(plan, folder(), asker())).toBe(false);
    expect(requests).toBe(1);
    expect(readdirSync(folder())).toEqual([`${digestOf(bytes)}.onnx`]);
    expect(await keptDigest()).toBe(digestOf(bytes));
    // A plan that starts from random weights needs none.
    expect(await ensureInitialModel(planOf(), folder(), asker())).toBe(false);
    expect(await readInitialModel(planOf(), folder())).toBeUndefined();
  });

  it('comes again when the one that was kept is damaged', async () => {
    await ensureInitialModel(plan, folder(), asker());
    writeFileSync(join(folder(), `${digestOf(bytes)}.onnx`), bytes.subarray(1));
    expect(await ensureInitialModel(plan, folder(), asker())).toBe(true);
    expect(await keptDigest()).toBe(digestOf(bytes));
  });

  it('is refused and not kept when it has another digest', async () => {
    // The store's file is changed behind the coordinator's back.
    writeFileSync(join(root, 'store', `${digestOf(bytes)}.bin`), bytes.toReversed());
    await expect(ensureInitialModel(plan, folder(), asker())).rejects.toThrow('changed or damaged');
    await expect(readInitialModel(plan, folder())).rejects.toThrow('site approve');
  });

  it('is cut off when it is longer than the plan says', async () => {
    const longer = initial({ byteLength: 20_000 });
    await expect(ensureInitialModel({ initialModel: longer }, folder(), asker())).rejects.toThrow('too long');
  });

  it('is there before a site trains or counts, and is asked for once', async () => {
    const trainer: LocalTrainer = {
      train: async () => {
        await readInitialModel(plan, folder());
        return { exampleCount: 1, meanLoss: 0, delta: new Float32Array(1) };
      },
      count: async () => {
        await readInitialModel(plan, folder());
        return [1];
      },
    };
    const ready = withInitialModel(trainer, folder(), asker());
    const signal = new AbortController().signal;
    const request = {
      plan,
      context: { round: 1 },
      siteId: site('north'),
      weights: new Float32Array(),
      signal,
    };
    expect(await ready.count?.({ plan, signal })).toEqual([1]);
    expect((await ready.train(request)).exampleCount).toBe(1);
    expect(requests).toBe(1);
    const uncounted = withInitialModel({ train: (sent) => trainer.train(sent) }, folder(), asker());
    expect(Object.keys(uncounted)).toEqual(['train']);
  });
});

describe('nobody gets it', () => {
  it.each<[string, () => Promise<unknown>, string]>([
    ['who is no site', () => asker('stranger')(initial()), 'not active here'],
    ['who has another key', () => asker('north', createIdentity())(initial()), 'not active here'],
    [
      'who asks for another file of the store',
      async () => {
        const published = Uint8Array.of(1, 2, 3);
        await new ModelStore(join(root, 'store')).put(published);
        return asker()(initial({ sha512: digestOf(published) }));
      },
      'no plan starts from this model',
    ],
  ])('%s', async (_name, ask, message) => {
    await expect(ask()).rejects.toThrow(message);
  });

  it('who is suspended, or says it ten minutes late', async () => {
    status = 'suspended';
    await expect(asker()(initial())).rejects.toThrow('not active here');
    status = 'active';
    const body = signModelRequest(
      identity,
      { siteId: site('north'), sha512: digestOf(bytes) },
      federationId,
      clock,
    );
    const post = (sent: object): Promise<Response> =>
      fetch(new URL(INITIAL_MODEL_PATH, url), {
        ...{ method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(sent) },
      });
    const answer = await post(body);
    expect([answer.status, digestOf(new Uint8Array(await answer.arrayBuffer()))]).toEqual([
      ...[200, digestOf(bytes)],
    ]);
    expect((await post({ ...body, atMs: body.atMs + 1 })).status).toBe(403);
    expect((await post({ ...body, extra: 1 })).status).toBe(400);
    expect((await post({ ...body, sha512: '../../etc/passwd' })).status).toBe(400);
    clockMs += 600_000;
    expect((await post(body)).status).toBe(403);
  });

  it('who reads it too slowly', async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    const large = new Uint8Array(64 * 1024 * 1024);
    const sha512 = digestOf(large);
    const byteLength = large.length;
    const started = planSchema.parse({
      ...withoutArchitecture(planOf()),
      initialModel: initial({ sha512, byteLength }),
    });
    await new ModelStore(join(root, 'store')).put(large);
    let deadline: { ms: number; pass: () => void } | undefined;
    let cancelled = false;
    await serve({
      runs: { plans: () => Promise.resolve([{ planHash: hashPlan(started), plan: started }]) },
      clock: {
        nowMs: () => clockMs,
        schedule: (ms, pass) => {
          deadline = { ms, pass };
          return () => (cancelled = true);
        },
      },
    });
    const body = signModelRequest(identity, { siteId: site('north'), sha512 }, federationId, clock);
    // More than what connections hold on their way stays unsent, until somebody reads.
    const answer = await fetch(new URL(INITIAL_MODEL_PATH, url), {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
    });
    expect([answer.status, deadline?.ms]).toEqual([200, 60_000 + byteLength / 64]);
    expect(cancelled).toBe(false);
    deadline?.pass();
    await expect(answer.arrayBuffer()).rejects.toThrow('terminated');
  });

  it('when the store has lost it', async () => {
    rmSync(join(root, 'store'), { recursive: true });
    await expect(asker()(initial())).rejects.toThrow('missing here');
  });
});
