/** A site whose disk is full: it sends nothing that it could not write down, says so, and goes on when there is room. */
import { readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readLedger, SiteLedger } from '../../../client/ledger/ledger-file.ts';
import {
  createMemory,
  MEMORY_FILE,
  readMemory,
  SessionMemoryFile,
} from '../../../client/session/session-memory.ts';
import { systemClock } from '../../../shared/clock.ts';
import { createIdentity } from '../../../shared/crypto/identity.ts';
import { StorageError } from '../../../shared/errors.ts';
import { runIdSchema } from '../../../shared/ids.ts';
import { planOf } from '../../coordinator/fixtures.ts';
import { smallDisk } from '../../small-disk.ts';
import { runKilling, VICTIM } from './kill-world.ts';

const names = ['a', 'b', 'c', 'd'];
const plan = planOf(
  { minimumCohort: 3, minimumSurvivors: 3, rounds: 1 },
  { protection: { mode: 'secure-aggregation', smallCohortAcknowledged: true } },
);

it('ends its program at whatever write there is no room for, and loses nothing', async () => {
  const whole = await runKilling(plan, names);
  const writes = [...whole.acts.entries()].filter(([, act]) => act.startsWith('write'));
  expect(writes.length).toBeGreaterThanOrEqual(10);
  for (const [at, act] of writes) {
    const outcome = await runKilling(plan, names, at, { isFull: true });
    const point = `no space for act ${String(at)}, ${act}`;
    expect(outcome.acts, point).toContain(`no space for ${act}`);
    expect(outcome.failures, point).toHaveLength(1);
    expect(outcome.failures[0], point).toBeInstanceOf(StorageError);
    expect(outcome.leftOver, point).toEqual([]);
    for (const [message, digests] of outcome.sent) expect(digests.size, `${point}: ${message}`).toBe(1);
    const [record] = outcome.records;
    expect(record, point).toMatchObject({ outcome: 'published' });
    // Before it has said anything it may sit the round out; from then on its update counts.
    const isIn = record?.outcome === 'published' && record.survivors.includes(VICTIM);
    const hasSaid = whole.acts.slice(0, at).some((earlier) => earlier === 'send advertise');
    if (hasSaid) expect(isIn, point).toBe(true);
    if (isIn) expect(outcome.finalWeights, point).toEqual(whole.finalWeights);
  }
});

describe('a disk that really is full', () => {
  it('keeps memory and ledger as they were, and both go on when there is room', async ({ skip }) => {
    const disk = smallDisk(1 << 20);
    if (typeof disk === 'string') return skip(disk);
    try {
      const folder = disk.path;
      const identity = createIdentity();
      await createMemory(folder);
      const ledger = new SiteLedger({ folder, identity, clock: systemClock });
      await ledger.enter({ kind: 'started', siteId: VICTIM });
      const file = join(folder, MEMORY_FILE);
      const before = await readMemory(file);
      const { bavail, bsize } = statfsSync(folder);
      writeFileSync(join(folder, 'filler'), new Uint8Array(bavail * bsize));
      const unmasked = [{ runId: runIdSchema.parse('other'), round: 1 }];
      await expect(new SessionMemoryFile(file, before).keep({ ...before, unmasked })).rejects.toThrow(
        /memory\.json cannot be written: ENOSPC.*check space/,
      );
      expect(await readMemory(file)).toEqual(before);
      // A page of the file may have room for one more line, not for many.
      const entries = Array.from({ length: 40 }, () => ledger.enter({ kind: 'stopped' }));
      const ends = await Promise.allSettled(entries);
      const failed = ends.find((end) => end.status === 'rejected');
      expect(String(failed?.reason)).toMatch(/ledger\.(?:jsonl|lock) cannot be written: ENOSPC/);
      rmSync(join(folder, 'filler'));
      await ledger.enter({ kind: 'stopped' });
      const { fault, tail } = await readLedger(folder, identity.publicKey);
      expect([fault, tail]).toEqual([undefined, undefined]);
      await new SessionMemoryFile(file, before).keep({ ...before, unmasked });
      expect(readdirSync(folder).sort()).toEqual(['ledger.jsonl', MEMORY_FILE]);
    } finally {
      disk.remove();
    }
  });
});
