import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDatabase, type Database } from '../../../coordinator/storage/database.ts';
import { ModelStore } from '../../../coordinator/storage/model-store.ts';
import { RunStore } from '../../../coordinator/storage/run-store.ts';
import { SiteRegistry } from '../../../coordinator/storage/site-registry.ts';
import { toHex } from '../../../shared/crypto/bytes.ts';
import { createIdentity, type Identity } from '../../../shared/crypto/identity.ts';
import { signStatement } from '../../../shared/crypto/statement.ts';
import { modelHashSchema, runIdSchema, siteIdSchema } from '../../../shared/ids.ts';
import { enrolStatement, type EnrolRequest } from '../../../shared/protocol/enrolment.ts';
import { hashPlan } from '../../../shared/protocol/plan.ts';
import { planOf } from '../fixtures.ts';

const HOUR_MS = 3_600_000;
const [a, b] = [siteIdSchema.parse('a'), siteIdSchema.parse('b')];
const run = runIdSchema.parse('first-run');

let folder: string;
let database: Database;
let nowMs: number;
const clock = { nowMs: () => nowMs };
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'consilium-storage-'));
  database = await openDatabase(join(folder, 'coordinator.db'));
  nowMs = Date.UTC(2026, 0, 1);
});
afterEach(async () => {
  await database.destroy();
  rmSync(folder, { recursive: true });
});

function requestOf(identity: Identity, token: string, changes: Partial<EnrolRequest> = {}): EnrolRequest {
  const unsigned = { siteId: a, token, publicKey: toHex(identity.publicKey), ...changes };
  const { purpose, fields } = enrolStatement(unsigned);
  return { ...unsigned, signature: signStatement(identity, purpose, fields) };
}

describe('the registry of sites', () => {
  it('takes in a site that was invited, once, and lets it wait for approval', async () => {
    const registry = new SiteRegistry(database, clock);
    const token = await registry.invite(a, HOUR_MS);
    const identity = createIdentity();
    expect(await registry.enrol(requestOf(identity, token))).toBeUndefined();
    expect(await registry.list()).toMatchObject([
      { siteId: a, publicKey: identity.publicKey, status: 'pending', enrolledAt: '2026-01-01T00:00:00.000Z' },
    ]);
    expect(await registry.enrol(requestOf(createIdentity(), token))).toBe('invitation-invalid');
  });

  it('refuses an invitation that has expired, is for another site or was never given', async () => {
    const registry = new SiteRegistry(database, clock);
    const token = await registry.invite(a, HOUR_MS);
    const identity = createIdentity();
    expect(await registry.enrol(requestOf(identity, token, { siteId: b }))).toBe('invitation-invalid');
    expect(await registry.enrol(requestOf(identity, 'A'.repeat(43)))).toBe('invitation-invalid');
    nowMs += HOUR_MS;
    expect(await registry.enrol(requestOf(identity, token))).toBe('invitation-invalid');
    expect(await registry.list()).toEqual([]);
  });

  it('refuses a key whose owner has not signed, and a key that is enrolled under another name', async () => {
    const registry = new SiteRegistry(database, clock);
    const identity = createIdentity();
    const token = await registry.invite(a, HOUR_MS);
    const stolen = { ...requestOf(createIdentity(), token), publicKey: toHex(identity.publicKey) };
    expect(await registry.enrol(stolen)).toBe('bad-signature');
    expect(await registry.enrol(requestOf(identity, token))).toBeUndefined();
    const second = await registry.invite(b, HOUR_MS);
    expect(await registry.enrol(requestOf(identity, second, { siteId: b }))).toBe('already-enrolled');
  });

  it('keeps no word of an invitation that could be used', async () => {
    const token = await new SiteRegistry(database, clock).invite(a, HOUR_MS);
    expect(JSON.stringify(await database.selectFrom('invitations').selectAll().execute())).not.toContain(
      token,
    );
  });

  it('changes a status only in ways that make sense', async () => {
    const registry = new SiteRegistry(database, clock);
    await registry.enrol(requestOf(createIdentity(), await registry.invite(a, HOUR_MS)));
    await expect(registry.setStatus(a, 'suspended')).rejects.toThrow(
      'is pending and cannot become suspended',
    );
    for (const status of ['active', 'suspended', 'active', 'removed'] as const) {
      await registry.setStatus(a, status);
      expect(await registry.find(a)).toMatchObject({ status });
    }
    await expect(registry.setStatus(a, 'active')).rejects.toThrow('is removed and cannot become active');
    await expect(registry.setStatus(b, 'active')).rejects.toThrow('no site is called b');
    await expect(registry.invite(a, HOUR_MS)).rejects.toThrow('removed already');
  });
});

describe('plans and runs', () => {
  it('keeps a plan by its hash and gives it back', async () => {
    const store = new RunStore(database, clock);
    const plan = planOf();
    const planHash = await store.addPlan(plan);
    expect(await store.addPlan(plan)).toBe(planHash);
    expect(planHash).toBe(hashPlan(plan));
    expect(await store.plans()).toEqual([{ planHash, plan }]);
    expect(await store.plan(planHash.slice(0, 8))).toEqual({ planHash, plan });
    await expect(store.plan('xyz')).rejects.toThrow('no plan begins with "xyz"');
    await expect(store.plan('')).rejects.toThrow('no plan begins');
  });

  it('queues runs in order and refuses a name twice', async () => {
    const store = new RunStore(database, clock);
    const planHash = await store.addPlan(planOf());
    await store.enqueue(run, planHash);
    nowMs += 1;
    await store.enqueue(runIdSchema.parse('another'), planHash);
    await expect(store.enqueue(run, planHash)).rejects.toThrow('a run is called first-run already');
    expect((await store.runs()).map(({ runId, status }) => [runId, status])).toEqual([
      ['first-run', 'queued'],
      ['another', 'queued'],
    ]);
    await store.setStatus(run, 'failed', 'nobody came');
    expect((await store.runs())[0]).toMatchObject({ status: 'failed', failure: 'nobody came' });
  });

  it('publishes each round once', async () => {
    const store = new RunStore(database, clock);
    await store.enqueue(run, await store.addPlan(planOf()));
    const modelHash = modelHashSchema.parse('ab'.repeat(64));
    await store.publish(run, { round: 1, modelHash, score: 0.5 });
    await store.publish(run, { round: 1, modelHash, score: 0.5 });
    await store.publish(run, { round: 2, modelHash, score: null });
    expect(await store.models(run)).toEqual([
      { round: 1, modelHash, score: 0.5 },
      { round: 2, modelHash, score: null },
    ]);
  });

  it('survives being closed, and is read by a second process at once', async () => {
    const store = new RunStore(database, clock);
    await store.enqueue(run, await store.addPlan(planOf()));
    const second = await openDatabase(join(folder, 'coordinator.db'));
    await new RunStore(second, clock).setStatus(run, 'running');
    await second.destroy();
    expect((await store.runs())[0]).toMatchObject({ status: 'running' });
  });

  it('says which file is no database', async () => {
    const file = join(folder, 'other.db');
    writeFileSync(
      file,
      'this is a letter, not a database, and long enough to be looked at as one'.repeat(20),
    );
    await expect(openDatabase(file)).rejects.toThrow(/other\.db cannot be used: .*not a database/);
  });
});

describe('the store of models', () => {
  it('gives back what it was given, by the digest', async () => {
    const store = new ModelStore(join(folder, 'models'));
    const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i % 256);
    const hash = await store.put(bytes);
    expect(await store.put(bytes)).toBe(hash);
    expect(await store.get(hash)).toEqual(bytes);
    expect(readdirSync(join(folder, 'models'))).toEqual([`${hash}.bin`]);
  });

  it('names a file that is missing or damaged', async () => {
    const store = new ModelStore(join(folder, 'models'));
    const hash = await store.put(Uint8Array.of(1, 2, 3));
    await expect(store.get(modelHashSchema.parse('00'.repeat(64)))).rejects.toThrow(
      'restore it from a backup',
    );
    writeFileSync(join(folder, 'models', `${hash}.bin`), Uint8Array.of(1, 2, 4));
    await expect(store.get(hash)).rejects.toThrow('changed or damaged');
  });

  it('leaves nothing behind when it cannot write', async () => {
    writeFileSync(join(folder, 'models'), 'a file where the folder should be');
    await expect(new ModelStore(join(folder, 'models')).put(Uint8Array.of(1))).rejects.toThrow(
      'cannot be written',
    );
  });
});
