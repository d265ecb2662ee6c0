/** What every database of a coordinator does, whichever it is. */
import { tmpdir } from 'node:os';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Administration } from '../../coordinator/storage/administration.ts';
import type { AttemptView } from '../../coordinator/storage/attempt-view.ts';
import { openDatabase, type Database } from '../../coordinator/storage/database.ts';
import { RunJournal } from '../../coordinator/storage/journal-store.ts';
import { RunStore } from '../../coordinator/storage/run-store.ts';
import { SiteRegistry } from '../../coordinator/storage/site-registry.ts';
import {
  csrfTokenOf,
  SESSION_IDLE_MS,
  SESSION_MAX_MS,
  userNameSchema,
  UserStore,
} from '../../coordinator/storage/user-store.ts';
import { toHex } from '../../shared/crypto/bytes.ts';
import { createIdentity, identityFromSeed, type Identity } from '../../shared/crypto/identity.ts';
import { signStatement } from '../../shared/crypto/statement.ts';
import { modelHashSchema, planHashSchema, runIdSchema, siteIdSchema } from '../../shared/ids.ts';
import { enrolStatement, type EnrolRequest } from '../../shared/protocol/enrolment.ts';
import { hashPlan } from '../../shared/protocol/plan.ts';
import { planOf } from '../coordinator/fixtures.ts';
import type { TestDatabases } from './storage-database.ts';

const HOUR_MS = 3_600_000;
const [a, b] = [siteIdSchema.parse('a'), siteIdSchema.parse('b')];
const run = runIdSchema.parse('first-run');
const [ann, bob] = [userNameSchema.parse('ann'), userNameSchema.parse('bob')];
const federation = identityFromSeed(new Uint8Array(32).fill(7));

export function storageContract(name: string, open: () => TestDatabases | Promise<TestDatabases>): void {
  describe(name, () => {
    let databases: TestDatabases;
    let database: Database;
    let location: string;
    let nowMs: number;
    const clock = { nowMs: () => nowMs };
    beforeAll(async () => {
      databases = await open();
    });
    afterAll(() => databases.close());
    beforeEach(async () => {
      location = await databases.locate();
      database = await openDatabase(location);
      nowMs = Date.UTC(2026, 0, 1);
    });
    afterEach(() => database.destroy());

    describe('the registry of sites', () => {
      it('takes in a site that was invited, once, and lets it wait for approval', async () => {
        const registry = new SiteRegistry(database, clock);
        const token = await registry.invite(a, HOUR_MS);
        const identity = createIdentity();
        expect(await registry.enrol(requestOf(identity, token))).toBeUndefined();
        expect(await registry.list()).toMatchObject([
          {
            siteId: a,
            publicKey: identity.publicKey,
            status: 'pending',
            enrolledAt: '2026-01-01T00:00:00.000Z',
          },
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

      it('leaves out, and tells of, a plan of another version of the protocol', async () => {
        const store = new RunStore(database, clock);
        const plan = planOf();
        const planHash = await store.addPlan(plan);
        const foreign = planHashSchema.parse('f'.repeat(128));
        const body = JSON.stringify({ ...plan, protocolVersion: 0 });
        await database
          .insertInto('plans')
          .values({ plan_hash: foreign, name: 'of old', body, added_at: '' })
          .execute();
        expect(await store.plans()).toEqual([{ planHash, plan }]);
        expect(await store.foreignPlans()).toEqual([{ planHash: foreign, name: 'of old' }]);
        await expect(store.plan('ffff')).rejects.toThrow('another version of the protocol');
      });

      it('takes no more plans than sites can be told of', async () => {
        const store = new RunStore(database, clock);
        const plan = planOf();
        const planHash = await store.addPlan(plan);
        const row = (body: string) => (_: unknown, i: number) => ({
          ...{ plan_hash: i.toString(16).padStart(128, '0'), name: '', body, added_at: '' },
        });
        const insert = (count: number, body: string) =>
          database
            .insertInto('plans')
            .values(Array.from({ length: count }, row(body)))
            .execute();
        await insert(999, JSON.stringify(plan));
        await expect(store.addPlan(planOf({}, { seed: 2 }))).rejects.toThrow('leave no room');
        expect(await store.addPlan(plan)).toBe(planHash);
        await sql`delete from plans where plan_hash <> ${planHash}`.execute(database);
        // A few, whose answer would be too long.
        await insert(3, JSON.stringify(plan) + ' '.repeat(5 * 1024 * 1024));
        await expect(store.addPlan(planOf({}, { seed: 2 }))).rejects.toThrow('leave no room');
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

      it('survives being closed, and is read by a second connection at once', async () => {
        const store = new RunStore(database, clock);
        await store.enqueue(run, await store.addPlan(planOf()));
        const second = await openDatabase(location);
        await new RunStore(second, clock).setStatus(run, 'running');
        await second.destroy();
        expect((await store.runs())[0]).toMatchObject({ status: 'running' });
      });
    });

    describe('attempts', () => {
      it('keeps what each came to, once', async () => {
        const store = new RunStore(database, clock);
        await store.enqueue(run, await store.addPlan(planOf()));
        const aborted: AttemptView = {
          ...{ outcome: 'aborted', round: 1, attempt: 1, reason: 'cohort-below-minimum' },
          dropped: [{ siteId: a, reason: 'deadline' }],
        };
        await store.addAttempt(run, 0, aborted);
        await store.addAttempt(run, 0, { ...aborted, round: 9 });
        expect(await store.attempts(run)).toEqual([aborted]);
        expect(await store.attempts(runIdSchema.parse('other'))).toEqual([]);
      });
    });

    describe('wishes', () => {
      it('change a run only from where they make sense, and never what was decided meanwhile', async () => {
        const store = new RunStore(database, clock);
        await store.enqueue(run, await store.addPlan(planOf()), [b, a, b]);
        expect(await store.run(run)).toMatchObject({ status: 'queued', sites: [a, b] });
        await expect(store.wish(run, 'pause')).rejects.toThrow('run first-run is queued');
        await store.wish(run, 'stop');
        expect(await store.changeStatus(run, ['queued'], 'running')).toBe(false);
        expect(await store.run(run)).toMatchObject({ status: 'stopped' });
        await expect(store.wish(runIdSchema.parse('other'), 'stop')).rejects.toThrow(
          'no run is called other',
        );
      });
    });

    describe('the journal', () => {
      it('holds the entries of the last attempt, in order', async () => {
        const store = new RunStore(database, clock);
        await store.enqueue(run, await store.addPlan(planOf()));
        const journal = new RunJournal(database, run, tmpdir());
        await journal.append({ kind: 'disconnected', siteId: a });
        await journal.append({ kind: 'stop' });
        expect(await new RunJournal(database, run, tmpdir()).entries()).toEqual([
          { kind: 'disconnected', siteId: a },
          { kind: 'stop' },
        ]);
      });
    });

    describe('users', () => {
      it('are added once, listed by name without their passwords, and removed with their sessions', async () => {
        const users = new UserStore(database, clock);
        await users.add(bob, 'administrator', 'hash-of-bob');
        await users.add(ann, 'auditor', 'hash-of-ann');
        await expect(users.add(ann, 'auditor', 'x')).rejects.toThrow('a user is called ann already');
        const createdAt = '2026-01-01T00:00:00.000Z';
        expect(await users.list()).toEqual([
          { name: ann, role: 'auditor', createdAt },
          { name: bob, role: 'administrator', createdAt },
        ]);
        expect(await users.passwordOf('ann')).toBe('hash-of-ann');
        expect(await users.passwordOf('nobody')).toBeUndefined();
        const token = await users.openSession(ann);
        await users.remove(ann);
        expect(await users.session(token)).toBeUndefined();
        await expect(users.remove(ann)).rejects.toThrow('no user is called ann');
      });

      it('always include an administrator', async () => {
        const users = new UserStore(database, clock);
        await users.add(bob, 'administrator', 'x');
        await expect(users.remove(bob)).rejects.toThrow('bob is the last administrator');
        await expect(users.setRole(bob, 'auditor')).rejects.toThrow('bob is the last administrator');
        await users.add(ann, 'administrator', 'x');
        await users.setRole(bob, 'auditor');
        expect((await users.list()).map(({ role }) => role)).toEqual(['administrator', 'auditor']);
      });

      it('get a session for the password they have, and for no earlier one', async () => {
        const users = new UserStore(database, clock);
        await users.add(ann, 'auditor', 'x');
        const token = await users.openSessionWith(ann, 'x');
        expect(await users.session(token ?? '')).toMatchObject({ user: ann });
        await users.setPassword(ann, 'y');
        expect(await users.openSessionWith(ann, 'x')).toBeUndefined();
        expect(await users.openSessionWith(bob, 'x')).toBeUndefined();
      });

      it('lose their sessions with another role or password', async () => {
        const users = new UserStore(database, clock);
        await users.add(ann, 'auditor', 'x');
        const before = await users.openSession(ann);
        await users.setPassword(ann, 'y');
        expect(await users.session(before)).toBeUndefined();
        const after = await users.openSession(ann);
        expect(await users.session(after)).toMatchObject({ user: ann, role: 'auditor' });
        await users.setRole(ann, 'researcher');
        expect(await users.session(after)).toBeUndefined();
      });
    });

    describe('sessions', () => {
      it('end when they are idle, and after a day of work in any case', async () => {
        const users = new UserStore(database, clock);
        await users.add(ann, 'auditor', 'x');
        const idle = await users.openSession(ann);
        nowMs += SESSION_IDLE_MS - 1;
        expect(await users.session(idle)).toMatchObject({ user: ann });
        nowMs += SESSION_IDLE_MS;
        expect(await users.session(idle)).toBeUndefined();
        const busy = await users.openSession(ann);
        const begunMs = nowMs;
        while (nowMs + SESSION_IDLE_MS / 2 < begunMs + SESSION_MAX_MS) {
          nowMs += SESSION_IDLE_MS / 2;
          expect(await users.session(busy)).toBeDefined();
        }
        nowMs += SESSION_IDLE_MS / 2;
        expect(await users.session(busy)).toBeUndefined();
        expect(await database.selectFrom('sessions').selectAll().execute()).toEqual([]);
      });

      it('leave no word in the database that opens one, and are not many for one user', async () => {
        const users = new UserStore(database, clock);
        await users.add(ann, 'auditor', 'x');
        const first = await users.openSession(ann);
        expect(JSON.stringify(await database.selectFrom('sessions').selectAll().execute())).not.toContain(
          first,
        );
        expect((await users.session(first))?.csrfToken).toBe(csrfTokenOf(first));
        for (let i = 0; i < 20; i++) {
          nowMs += 1000;
          await users.openSession(ann);
        }
        expect(await users.session(first)).toBeUndefined();
        expect(await database.selectFrom('sessions').selectAll().execute()).toHaveLength(20);
        expect(await users.session("' or 1=1 --")).toBeUndefined();
      });
    });

    describe('administration', () => {
      const administrationOf = () => new Administration(database, clock, federation);

      it('enters every act into the audit log, and no act that was refused', async () => {
        const acts = administrationOf();
        await acts.addUser('command-line', { name: ann, role: 'administrator', password: 'secret-hash' });
        const token = await acts.invite('ann', a, HOUR_MS);
        const plan = planOf();
        await acts.addPlan('ann', plan, hashPlan(plan));
        await acts.enqueue('ann', { runId: run, planHash: hashPlan(plan), sites: [a, b] });
        await acts.wish('ann', run, 'stop');
        await expect(acts.wish('ann', run, 'stop')).rejects.toThrow('run first-run is stopped');
        await expect(acts.removeUser('ann', ann)).rejects.toThrow('last administrator');
        const entries = await acts.log.entries(database, 0, 100);
        expect(entries.map(({ sequence, actor, act, subject }) => [sequence, actor, act, subject])).toEqual([
          [1, 'command-line', 'user-added', 'ann'],
          [2, 'ann', 'site-invited', 'a'],
          [3, 'ann', 'plan-added', hashPlan(plan)],
          [4, 'ann', 'run-added', 'first-run'],
          [5, 'ann', 'run-stopped', 'first-run'],
        ]);
        expect(JSON.stringify(entries)).not.toMatch(new RegExp(`secret-hash|${token}`));
        expect(await acts.log.verify(database)).toEqual({ entries: 5 });
        expect(await acts.log.entries(database, 3, 1)).toMatchObject([{ sequence: 4 }]);
      });

      it('lets acts at the same moment take their turns', async () => {
        const acts = administrationOf();
        const actors = Array.from({ length: 12 }, (_, i) => `user-${String(i)}`);
        await Promise.all(actors.map((actor) => acts.note({ actor, act: 'login', subject: actor })));
        expect(await acts.log.verify(database)).toEqual({ entries: 12 });
        const entries = await acts.log.entries(database, 0, 100);
        expect(new Set(entries.map(({ actor }) => actor)).size).toBe(12);
      });

      it.each(['{"x":1e999}', '{"x":"\\ud800"}', '{'])('finds the detail %s', async (detail) => {
        const acts = administrationOf();
        for (const subject of ['x', 'y']) await acts.note({ actor: 'ann', act: 'login', subject });
        await sql`update audit set detail = ${detail} where sequence = 2`.execute(database);
        expect(await acts.log.verify(database)).toEqual({ entries: 1, brokenAt: 2 });
      });

      it.each([
        ['changed', 'actor', 2],
        ['taken out', undefined, 2],
      ] as const)('finds an entry that was %s', async (_, column, brokenAt) => {
        const acts = administrationOf();
        for (const subject of ['x', 'y', 'z']) await acts.note({ actor: 'ann', act: 'login', subject });
        if (column === undefined) await database.deleteFrom('audit').where('sequence', '=', 2).execute();
        else await sql`update audit set ${sql.ref(column)} = 'mallory' where sequence = 2`.execute(database);
        expect(await acts.log.verify(database)).toEqual({ entries: 1, brokenAt });
        const stranger = new Administration(database, clock, createIdentity());
        expect(await stranger.log.verify(database)).toEqual({ entries: 0, brokenAt: 1 });
      });
    });
  });
}

function requestOf(identity: Identity, token: string, changes: Partial<EnrolRequest> = {}): EnrolRequest {
  const unsigned = { siteId: a, token, publicKey: toHex(identity.publicKey), ...changes };
  const { purpose, fields } = enrolStatement(unsigned);
  return { ...unsigned, signature: signStatement(identity, purpose, fields) };
}
