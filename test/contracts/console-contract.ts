/** What every database does for the console, whichever it is. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Administration } from '../../coordinator/storage/administration.ts';
import { auditChoices, auditLength, searchAudit } from '../../coordinator/storage/audit-search.ts';
import { openDatabase, type Database } from '../../coordinator/storage/database.ts';
import { inUse, ModelVersions, type Promotion } from '../../coordinator/storage/model-versions.ts';
import { RunHistory } from '../../coordinator/storage/run-history.ts';
import { RunStore } from '../../coordinator/storage/run-store.ts';
import { SiteRegistry } from '../../coordinator/storage/site-registry.ts';
import type { StoredEvaluation } from '../../coordinator/storage/stored-evaluation.ts';
import { userNameSchema, UserStore } from '../../coordinator/storage/user-store.ts';
import { createIdentity } from '../../shared/crypto/identity.ts';
import { runIdSchema } from '../../shared/ids.ts';
import { modelHash, planOf, site } from '../coordinator/fixtures.ts';

import type { TestDatabases } from './storage-database.ts';

export function consoleContract(name: string, open: () => TestDatabases | Promise<TestDatabases>): void {
  describe(name, () => {
    let database: Database;
    let nowMs: number;
    const clock = { nowMs: () => nowMs };
    const runOf = (name: string) => runIdSchema.parse(name);
    let databases: TestDatabases;
    beforeAll(async () => {
      databases = await open();
    });
    afterAll(() => databases.close());
    beforeEach(async () => {
      database = await openDatabase(await databases.locate());
      nowMs = Date.UTC(2026, 0, 1);
    });
    afterEach(() => database.destroy());

    async function withRuns(...names: string[]): Promise<RunStore> {
      const runs = new RunStore(database, clock);
      const planHash = await runs.addPlan(planOf());
      for (const name of names) await runs.enqueue(runOf(name), planHash);
      return runs;
    }
    const order = async (runs: RunStore): Promise<string[]> => (await runs.runs()).map(({ runId }) => runId);

    describe('the queue', () => {
      it('is put into another order among those that wait', async () => {
        const runs = await withRuns('a', 'b', 'c', 'd');
        await runs.setStatus(runOf('a'), 'running');
        await runs.move(runOf('d'), runOf('b'));
        expect(await order(runs)).toEqual(['a', 'd', 'b', 'c']);
        await runs.move(runOf('d'), undefined);
        expect(await order(runs)).toEqual(['a', 'b', 'c', 'd']);
        await runs.move(runOf('c'), runOf('c'));
        expect(await order(runs)).toEqual(['a', 'b', 'c', 'd']);
        await expect(runs.move(runOf('b'), runOf('a'))).rejects.toThrow('run a does not wait');
        await expect(runs.move(runOf('a'), undefined)).rejects.toThrow('run a does not wait');
        await runs.enqueue(runOf('0-late'), (await runs.plans())[0]?.planHash ?? expect.fail());
        expect((await order(runs)).at(-1)).toBe('0-late');
      });
    });

    describe('plans', () => {
      it('are removed as long as no run has used them', async () => {
        const runs = await withRuns();
        const draft = await runs.addPlan(planOf({ rounds: 9 }));
        await runs.removePlan(draft);
        expect(await runs.findPlan(draft)).toBeUndefined();
        await expect(runs.removePlan(draft)).rejects.toThrow('no such plan');
        const used = await runs.addPlan(planOf());
        await runs.enqueue(runOf('a'), used);
        await expect(runs.removePlan(used)).rejects.toThrow('run a has used this plan');
      });
    });

    describe('the history of a run', () => {
      const evaluation = (value: number): StoredEvaluation => ({
        ...{
          exampleCount: 4,
          patientCount: null,
          classNames: ['x', 'y'],
          confusion: [
            [1, 1],
            [0, 2],
          ],
          calibration: [],
        },
        metrics: { auc: { value, interval: { low: value - 0.1, high: value + 0.1 } } },
        classes: ['x', 'y'].map((name) => ({
          ...{ name, support: 2, metrics: {}, precisionRecall: [] },
          roc: [
            [0, 0],
            [1, 1],
          ] as [number, number][],
        })),
      });

      it('keeps curves of the best and the last model, and figures of all', async () => {
        await withRuns('a');
        const history = new RunHistory(database, clock);
        const run = runOf('a');
        for (const [round, best] of [
          [1, 1],
          [2, 2],
          [3, 2],
          [4, 2],
        ] as const)
          await history.keepEvaluation(run, { round, best, evaluation: evaluation(round / 10) });
        const curves = async (round: number) =>
          (await history.evaluation(run, round))?.classes[0]?.roc.length;
        expect(await Promise.all([1, 2, 3, 4].map(curves))).toEqual([0, 2, 0, 2]);
        expect((await history.evaluations(run)).get(3)?.metrics['auc']?.value).toBe(0.3);
        expect(await history.evaluation(run, 9)).toBeUndefined();
      });

      it('numbers events without gaps and gives them in pages, the newest first', async () => {
        await withRuns('a', 'b');
        const history = new RunHistory(database, clock);
        for (let i = 0; i < 5; i++)
          await history.addEvent(runOf('a'), { kind: 'began', round: i, attempt: 1, cohortSize: i });
        await history.addEvent(runOf('b'), { kind: 'started' });
        const page = await history.events(runOf('a'), 4, 2);
        expect(page.total).toBe(5);
        expect(page.events.map(({ sequence }) => sequence)).toEqual([3, 2]);
        expect((await history.events(runOf('b'), undefined, 9)).events).toMatchObject([{ sequence: 1 }]);
      });

      it('keeps an attempt once, with all its sites', async () => {
        await withRuns('a', 'b');
        const history = new RunHistory(database, clock);
        const span = { phase: 'training' as const, startMs: 5, endMs: 1_800_000_000_000 };
        const track = {
          ...{
            round: 1,
            attempt: 2,
            outcome: 'aborted' as const,
            startMs: 5,
            endMs: 1_800_000_000_000,
            spans: [span],
          },
          sites: [site('y'), site('x')].map((siteId) => ({
            ...{ siteId, state: 'dropped' as const, reason: 'deadline' as const, steps: 3, spans: [span] },
            ...{ bytesUp: 5_000_000_000, bytesDown: 0 },
          })),
        };
        await history.keepAttempt(runOf('a'), track);
        await history.keepAttempt(runOf('a'), track);
        await history.keepAttempt(runOf('b'), { ...track, startMs: 9, round: 7 });
        expect(await history.attempts(runOf('a'))).toMatchObject([
          { endMs: 1_800_000_000_000, spans: [span] },
        ]);
        const place = { round: 1, attempt: 2 };
        expect((await history.sitesOf(runOf('a'), place)).map(({ site: { siteId } }) => siteId)).toEqual([
          'x',
          'y',
        ]);
        expect(await history.attemptBytes(runOf('a'))).toEqual([
          { ...place, bytesUp: 10_000_000_000, bytesDown: 0 },
        ]);
        expect(await history.siteSums(runOf('a'))).toMatchObject([
          { siteId: 'x', attempts: 1, bytesUp: 5_000_000_000, busyMs: 1_799_999_999_995 },
          { siteId: 'y' },
        ]);
        expect(await history.drops(runOf('a'))).toMatchObject([{ ...place, phase: 'training' }, {}]);
        expect(await history.sitesOf(runOf('b'), { round: 1, attempt: 2 })).toEqual([]);
        expect(await history.latestOf(site('x'), 1)).toMatchObject([
          { runId: 'b', round: 7, site: { bytesUp: 5_000_000_000 } },
        ]);
      });
    });

    describe('the model in use', () => {
      const promotion = (act: Promotion['act'], round: number): Promotion => ({
        ...{ sequence: round, at: '', actor: 'ann', act, round },
        ...{ runId: runOf('a'), modelHash: modelHash('a') },
      });

      it('follows from promotions and roll-backs', () => {
        const rounds = (...acts: Promotion[]) => {
          const { current, previous } = inUse(acts);
          return [current?.round, previous?.round];
        };
        const [one, two, three] = [1, 2, 3].map((round) => promotion('promoted', round)) as [
          Promotion,
          Promotion,
          Promotion,
        ];
        expect(rounds()).toEqual([undefined, undefined]);
        expect(rounds(one)).toEqual([1, undefined]);
        expect(rounds(one, two)).toEqual([2, 1]);
        expect(rounds(one, two, promotion('rolled-back', 1))).toEqual([1, undefined]);
        expect(rounds(one, two, promotion('rolled-back', 1), three)).toEqual([3, 1]);
      });

      it('is changed with an entry in the ledger, and by nothing that makes no sense', async () => {
        const runs = await withRuns('a');
        const administration = new Administration(database, clock, createIdentity());
        const versions = new ModelVersions(database, clock);
        for (const round of [1, 2])
          await runs.publish(runOf('a'), { round, modelHash: modelHash('a'), score: round / 4 });
        const place = (round: number) => ({ runId: runOf('a'), round });
        await expect(administration.promoteModel('ann', place(9))).rejects.toThrow('no model of round 9');
        await expect(administration.rollBackModel('ann')).rejects.toThrow('no model was in use before');
        await administration.promoteModel('ann', place(1));
        await expect(administration.promoteModel('ann', place(1))).rejects.toThrow('in use already');
        await expect(administration.rollBackModel('ann')).rejects.toThrow('no model was in use before');
        await administration.promoteModel('bob', place(2));
        expect(await administration.rollBackModel('cem')).toMatchObject({ round: 1 });
        expect((await versions.promotions()).map(({ actor, act, round }) => [actor, act, round])).toEqual([
          ['ann', 'promoted', 1],
          ['bob', 'promoted', 2],
          ['cem', 'rolled-back', 1],
        ]);
        const entries = await administration.log.entries(database, 0, 9);
        expect(entries.map(({ act, subject }) => `${act} ${subject}`)).toEqual([
          'model-promoted a:1',
          'model-promoted a:2',
          'model-rolled-back a:1',
        ]);
        expect(await versions.page(1, 5)).toHaveLength(1);
        expect(await versions.count()).toBe(2);
      });
    });

    describe('invitations, sites and sessions', () => {
      it('are listed without what opens them, and withdrawn once', async () => {
        const registry = new SiteRegistry(database, clock);
        const token = await registry.invite(site('north'), 1000);
        const [invitation] = await registry.invitations();
        expect(invitation).toMatchObject({ siteId: 'north', createdAt: '2026-01-01T00:00:00.000Z' });
        expect(JSON.stringify(invitation)).not.toContain(token);
        await registry.withdraw(invitation?.id ?? '');
        expect(await registry.invitations()).toEqual([]);
        await expect(registry.withdraw(invitation?.id ?? '')).rejects.toThrow('used or withdrawn');
      });

      it('tells a session’s state without using it', async () => {
        const users = new UserStore(database, clock);
        const ann = userNameSchema.parse('ann');
        await users.add(ann, 'auditor', 'x');
        const token = await users.openSession(ann);
        nowMs += 29 * 60_000;
        expect(await users.stateOf(token)).toEqual({ kind: 'open', role: 'auditor' });
        nowMs += 60_000;
        expect(await users.stateOf(token)).toEqual({ kind: 'expired' });
        expect(await users.sessions()).toEqual([]);
        const second = await users.openSession(ann);
        const [listed] = await users.sessions();
        expect(JSON.stringify(listed)).not.toContain(second);
        await users.endSessionById(listed?.id ?? '');
        expect(await users.stateOf(second)).toEqual({ kind: 'ended' });
        await expect(users.endSessionById(listed?.id ?? '')).rejects.toThrow('it has ended');
      });

      it('keeps the newest word of a site, in whatever order words come', async () => {
        const registry = new SiteRegistry(database, clock);
        await database
          .insertInto('sites')
          .values({
            ...{ site_id: 'north', public_key: 'ab'.repeat(32), status: 'active' },
            ...{ enrolled_at: '2026-01-01T00:00:00.000Z', changed_at: '2026-01-01T00:00:00.000Z' },
          })
          .execute();
        const about = (version: string) => ({ program: { version, engine: 'onnx', device: 'cpu' } });
        expect(await registry.setAbout(site('north'), about('2'), 20)).toBe(true);
        expect(await registry.setAbout(site('north'), about('1'), 10)).toBe(false);
        expect(await registry.setAbout(site('north'), about('2'), 20)).toBe(false);
        expect((await registry.find(site('north')))?.about).toEqual({ told: about('2'), atMs: 20 });
      });
    });

    describe('the ledger', () => {
      it('is searched by what stands in it', async () => {
        const administration = new Administration(database, clock, createIdentity());
        const note = (actor: string, act: 'login' | 'user-added', subject: string) =>
          administration.note({ actor, act, subject, detail: { hint: `of ${subject}_100%` } });
        await note('ann', 'login', 'ann');
        nowMs += 1000;
        await note('bob', 'user-added', 'Cleo');
        await note('bob', 'login', 'bob');
        const found = async (query: Omit<Parameters<typeof searchAudit>[1], 'limit'>, limit = 9) =>
          (await searchAudit(database, { ...query, limit })).map(({ sequence }) => sequence);
        expect(await found({})).toEqual([3, 2, 1]);
        expect(await found({}, 2)).toEqual([3, 2]);
        expect(await found({ before: 3 })).toEqual([2, 1]);
        expect(await found({ text: 'CLEO' })).toEqual([2]);
        expect(await found({ text: 'bob_100%' })).toEqual([3]);
        expect(await found({ text: 'b_b' })).toEqual([]);
        expect(await found({ text: '%' })).toEqual([3, 2, 1]);
        expect(await found({ act: 'login', actor: 'bob' })).toEqual([3]);
        expect(await found({ from: '2026-01-01T00:00:01.000Z' })).toEqual([3, 2]);
        expect(await found({ to: '2026-01-01T00:00:01.000Z' })).toEqual([1]);
        expect(await auditChoices(database)).toEqual({
          actors: ['ann', 'bob'],
          acts: ['login', 'user-added'],
        });
        expect(await auditLength(database)).toBe(3);
      });
    });
  });
}
