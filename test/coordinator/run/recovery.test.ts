import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RoundEvent, RoundStart } from '../../../coordinator/round/events.ts';
import { recover } from '../../../coordinator/run/recovery.ts';
import type { AttemptRecord } from '../../../coordinator/run/progress.ts';
import { CheckpointStore } from '../../../coordinator/storage/checkpoint.ts';
import { openDatabase, type Database } from '../../../coordinator/storage/database.ts';
import { RunJournal } from '../../../coordinator/storage/journal-store.ts';
import { RunStore } from '../../../coordinator/storage/run-store.ts';
import { systemClock } from '../../../shared/clock.ts';
import type { SiteId } from '../../../shared/ids.ts';
import type { BadSecret } from '../../../shared/protocol/bad-secret.ts';
import { contextOf, modelHash, planOf, rules, site, sites } from '../fixtures.ts';

const context = contextOf(planOf());
const start: RoundStart = { kind: 'begin', context, rules: rules(), available: sites('a', 'b') };
const [a, b] = [site('a'), site('b')];
const advertise = (siteId: SiteId): RoundEvent => ({
  ...{ kind: 'answered', siteId, context },
  answer: { type: 'advertise' },
});
const update = (siteId: SiteId): RoundEvent => ({
  ...{ kind: 'answered', siteId, context },
  answer: { type: 'update', update: { exampleCount: 1, meanLoss: 1, delta: new Float32Array(5000) } },
});
const inTraining = [advertise(a), advertise(b)];

/** With a journal that is damaged after these entries. */
const lostAttempt = (entries: readonly (RoundStart | RoundEvent)[], records: readonly AttemptRecord[]) =>
  recover({ entries, isWhole: false }, records, []).lost;

describe('a lost attempt', () => {
  it('is aborted, with the sites that had been dropped, and may be tried again', () => {
    const left: RoundEvent = { kind: 'rejected', siteId: site('a'), reason: 'non-finite' };
    const small = { ...start, rules: rules({ minimumSurvivors: 1 }) };
    const lost = lostAttempt([small, ...inTraining, left], []);
    expect(lost).toEqual({
      outcome: 'aborted',
      reason: 'coordinator-restarted',
      round: 1,
      attempt: 1,
      dropped: [{ siteId: a, phase: 'training', reason: 'non-finite' }],
    });
  });

  it('is none when nothing was begun or its end is on record', () => {
    expect(lostAttempt([], [])).toBeUndefined();
    const record = { outcome: 'aborted', reason: 'stopped', round: 1, attempt: 1, dropped: [] } as const;
    expect(lostAttempt([start], [record])).toBeUndefined();
    expect(lostAttempt([start], [{ ...record, attempt: 2 }])).toMatchObject({ attempt: 1 });
  });

  it('has spent its round when it was a repetition: its sites have revealed shares before', () => {
    const plan = planOf(
      { minimumCohort: 3 },
      { protection: { mode: 'secure-aggregation', smallCohortAcknowledged: true } },
    );
    const proof: BadSecret = { siteId: b, kind: 'own-mask', dealt: '', signature: '', shares: [] };
    const masking = {
      ...{ plan, rosterHash: '1'.repeat(128), coordinatorKey: '2'.repeat(64), previous: null },
      repair: { attempt: 1, proofs: [proof] },
    };
    const repeated = { ...context, attempt: 2 };
    const begun: RoundStart = {
      ...start,
      context: repeated,
      rules: { ...rules({ minimumCohort: 3 }), masking },
    };
    expect(lostAttempt([begun], [])).toMatchObject({ attempt: 2, spent: true });
    const first: RoundStart = { ...start, rules: rules({ minimumCohort: 3 }) };
    expect(lostAttempt([first], [])).not.toHaveProperty('spent');
  });

  it('has spent its round when the sites had been told that it was published', () => {
    const done: RoundEvent[] = [
      ...inTraining,
      update(a),
      update(b),
      { kind: 'aggregated', newModelHash: modelHash('b') },
    ];
    expect(lostAttempt([start, ...done], [])).not.toHaveProperty('spent');
    expect(lostAttempt([start, ...done, { kind: 'evaluated' }], [])).toMatchObject({ spent: true });
  });

  it('has counted when the counts are in the journal, and is tried again before', () => {
    const counts = { ...context, round: 0 };
    const begun: RoundStart = { ...start, context: counts };
    const vector = Uint32Array.of(3, 1, 1);
    const events = [...inTraining, update(a), update(b)].map((event): RoundEvent => {
      if (event.kind !== 'answered') return event;
      const { answer } = event;
      return {
        ...event,
        context: counts,
        answer: answer.type === 'update' ? { type: 'update', vector } : answer,
      };
    });
    const before = lostAttempt([begun, ...events], []);
    expect(before).toMatchObject({ outcome: 'aborted', round: 0 });
    expect(before).not.toHaveProperty('spent');
    const unmasked = { sumDigest: '2'.repeat(128), transcript: '3'.repeat(128) };
    const after: RoundEvent = { kind: 'counted', classCounts: [6, 2], unmasked };
    expect(lostAttempt([begun, ...events, after], [])).toEqual({
      outcome: 'counted',
      ...{ round: 0, attempt: 1, dropped: [], survivors: [a, b] },
      classCounts: [6, 2],
      transcript: unmasked.transcript,
    });
  });
});

describe('an attempt that is whole in the journal', () => {
  const whole = (entries: readonly (RoundStart | RoundEvent)[]) => ({ entries, isWhole: true });

  it('goes on, with those who were in it', () => {
    expect(recover(whole([]), [], sites('a', 'c'))).toEqual({ awaited: sites('a', 'c') });
    const left: RoundEvent = { kind: 'rejected', siteId: b, reason: 'non-finite' };
    const small = { ...start, rules: rules({ minimumSurvivors: 1 }) };
    expect(recover(whole([small, ...inTraining, left]), [], [])).toEqual({
      interrupted: { start: small, invited: [a, b] },
      awaited: [a],
    });
    // Nobody has been asked yet.
    const alone: RoundStart = { ...start, available: [a] };
    expect(recover(whole([alone]), [], [])).toEqual({
      interrupted: { start: alone, invited: [] },
      awaited: [a],
    });
  });

  it('that is on record has only to be told of', () => {
    const events = [...inTraining, update(a), update(b)];
    const end: RoundEvent[] = [{ kind: 'aggregated', newModelHash: modelHash('b') }, { kind: 'evaluated' }];
    const record: AttemptRecord = {
      outcome: 'aborted',
      reason: 'stopped',
      round: 1,
      attempt: 1,
      dropped: [],
    };
    expect(recover(whole([start, ...events, ...end]), [record], [])).toEqual({
      before: {
        context,
        invited: [a, b],
        message: { type: 'published', newModelHash: modelHash('b'), survivorCount: 2 },
      },
      awaited: [a, b],
    });
    const stopped = recover(whole([start, ...inTraining, { kind: 'stop' }]), [record], []);
    expect(stopped.before?.message).toEqual({ type: 'aborted', reason: 'stopped' });
  });

  it('hands on what sites may not have heard of the attempt before', () => {
    const before = { context, invited: [a], message: { type: 'aborted', reason: 'stopped' } } as const;
    const second: RoundStart = { ...start, context: { ...context, attempt: 2 }, before };
    expect(recover(whole([second]), [], [])).toMatchObject({ before, interrupted: { start: second } });
  });

  it('is given up when it ends the program again and again', () => {
    const resumed: RoundEvent = { kind: 'resumed', available: [], graceMs: 1 };
    const often = Array.from({ length: 9 }, () => [
      resumed,
      { kind: 'connected', siteId: a } as const,
    ]).flat();
    expect(recover(whole([start, ...inTraining, ...often]), [], []).lost).toBeUndefined();
    const tooOften = recover(whole([start, ...inTraining, ...often, resumed]), [], []);
    expect(tooOften.lost).toMatchObject({ outcome: 'aborted', reason: 'coordinator-restarted' });
    expect(tooOften.before?.message).toEqual({ type: 'aborted', reason: 'coordinator-restarted' });
    // Something has happened in between.
    const advanced = [...often, update(a), ...often, resumed].slice(0, -1);
    expect(recover(whole([start, ...inTraining, ...advanced]), [], []).lost).toBeUndefined();
  });
});

describe('the journal of a run', () => {
  let folder: string;
  let database: Database;
  const runId = context.runId;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'consilium-journal-'));
    database = await openDatabase(join(folder, 'coordinator.db'));
    const runs = new RunStore(database, systemClock);
    await runs.enqueue(runId, await runs.addPlan(planOf()));
  });
  afterEach(async () => {
    await database.destroy();
    rmSync(folder, { recursive: true });
  });

  it('gives back the events of the last attempt, without their vectors', async () => {
    const journal = new RunJournal(database, runId, folder);
    for (const entry of [start, ...inTraining, update(a)]) await journal.append(entry);
    const entries = await new RunJournal(database, runId, folder).entries();
    expect(entries.slice(0, 3)).toEqual([start, ...inTraining]);
    expect(JSON.stringify(entries[3])).toContain('"exampleCount":1');
    expect(JSON.stringify(entries).length).toBeLessThan(3000);
    const second = { ...start, context: contextOf(planOf(), { attempt: 2 }) };
    await journal.append(second);
    expect(await journal.entries()).toEqual([second]);
  });

  it('gives back what happened with every vector, and nothing of it when the attempt is over', async () => {
    const journal = new RunJournal(database, runId, folder);
    const events = [...inTraining, update(a), update(b)];
    for (const entry of [start, ...events]) await journal.append(entry);
    const kept = join(folder, `${runId}.journal`);
    // One of each update.
    expect(readdirSync(kept)).toHaveLength(2);
    expect(readdirSync(kept).map((name) => statSync(join(kept, name)).mode & 0o777)).toEqual([0o600, 0o600]);
    const again = new RunJournal(database, runId, folder);
    expect(await again.isWhole()).toBe(true);
    const seen: RoundEvent[] = [];
    for await (const event of again.events()) seen.push(event);
    expect(seen).toEqual(events);
    await again.append({ kind: 'evaluated' });
    expect((await journal.entries()).at(-1)).toEqual({ kind: 'evaluated' });
    await journal.append({ ...start, context: { ...context, attempt: 2 } });
    expect(existsSync(kept)).toBe(false);
    expect(await journal.isWhole()).toBe(true);
  });

  it.each([
    [
      'is missing',
      (file: string) => {
        rmSync(file);
      },
    ],
    [
      'is cut short',
      (file: string) => {
        writeFileSync(file, readFileSync(file).subarray(0, -1));
      },
    ],
  ])('is not whole when a file %s', async (_how, damage) => {
    const journal = new RunJournal(database, runId, folder);
    for (const entry of [start, ...inTraining, update(a)]) await journal.append(entry);
    const kept = join(folder, `${runId}.journal`);
    const [name = ''] = readdirSync(kept);
    damage(join(kept, name));
    expect(await journal.isWhole()).toBe(false);
    const read = async (): Promise<void> => {
      for await (const event of journal.events()) expect(event.kind).toBe('answered');
    };
    await expect(read()).rejects.toThrow('it holds the update of a site');
    expect((await journal.entries()).map(({ kind }) => kind)).toEqual([
      'begin',
      'answered',
      'answered',
      'answered',
    ]);
  });

  it('is read up to the first entry that is damaged or missing', async () => {
    const journal = new RunJournal(database, runId, folder);
    for (const entry of [start, ...inTraining]) await journal.append(entry);
    await sql`update journal set entry = 'torn' where sequence = 2`.execute(database);
    expect(await journal.entries()).toEqual([start, advertise(a)]);
    await database.deleteFrom('journal').where('sequence', '=', 1).execute();
    expect(await journal.entries()).toEqual([start]);
  });

  it('leads to the same record as the events themselves', async () => {
    const journal = new RunJournal(database, runId, folder);
    const events = [...inTraining, update(a)];
    for (const entry of [start, ...events]) await journal.append(entry);
    expect(lostAttempt(await journal.entries(), [])).toEqual(lostAttempt([start, ...events], []));
  });

  it('keeps where a run stands, and says when that is damaged', async () => {
    const store = new CheckpointStore(join(folder, 'runs'));
    expect(await store.load(runId)).toBeUndefined();
    const state = { weights: Float32Array.of(1, 2), memory: { kind: 'none' } } as const;
    await store.save(runId, { records: [], state, best: undefined });
    expect(await store.load(runId)).toEqual({ records: [], state, best: undefined });
    const path = join(folder, 'runs', `${runId}.checkpoint`);
    writeFileSync(path, readFileSync(path).subarray(0, -1));
    await expect(store.load(runId)).rejects.toThrow('is damaged');
    await store.remove(runId);
    expect(await store.load(runId)).toBeUndefined();
  });
});
