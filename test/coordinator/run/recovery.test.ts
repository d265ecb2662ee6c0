import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RoundEvent, RoundStart } from '../../../coordinator/round/events.ts';
import { lostAttempt } from '../../../coordinator/run/recovery.ts';
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
    const journal = new RunJournal(database, runId);
    for (const entry of [start, ...inTraining, update(a)]) await journal.append(entry);
    const entries = await new RunJournal(database, runId).entries();
    expect(entries.slice(0, 3)).toEqual([start, ...inTraining]);
    expect(JSON.stringify(entries[3])).toContain('"exampleCount":1');
    expect(JSON.stringify(entries).length).toBeLessThan(3000);
    const second = { ...start, context: contextOf(planOf(), { attempt: 2 }) };
    await journal.append(second);
    expect(await journal.entries()).toEqual([second]);
  });

  it('is read up to the first entry that is damaged or missing', async () => {
    const journal = new RunJournal(database, runId);
    for (const entry of [start, ...inTraining]) await journal.append(entry);
    await sql`update journal set entry = 'torn' where sequence = 2`.execute(database);
    expect(await journal.entries()).toEqual([start, advertise(a)]);
    await database.deleteFrom('journal').where('sequence', '=', 1).execute();
    expect(await journal.entries()).toEqual([start]);
  });

  it('leads to the same record as the events themselves', async () => {
    const journal = new RunJournal(database, runId);
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
