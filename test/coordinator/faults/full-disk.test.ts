/** A disk that is full in the middle of a run: the program ends and says why, and the run goes on when there is room. */
import { readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { isDiskFault } from '../../../coordinator/storage/disk-fault.ts';
import { StorageError } from '../../../shared/errors.ts';
import { smallDisk } from '../../small-disk.ts';
import { countedWrites, failWrite, installFullDisk } from './full-disk-switch.ts';
import { isOver, undisturbed } from './outcomes.ts';
import { SmallFederation } from './small-federation.ts';

let federation: SmallFederation | undefined;
afterEach(async () => {
  await federation?.remove();
  federation = undefined;
});

describe('a full disk at a write', () => {
  let remove: () => void = () => undefined;
  beforeAll(() => {
    remove = installFullDisk();
  });
  afterAll(() => {
    remove();
  });

  it('can be any of more than a dozen of a round', async () => {
    const own = await SmallFederation.create(1);
    federation = own;
    failWrite(undefined);
    await own.start();
    own.startSites();
    await own.told(isOver);
    expect(countedWrites().length).toBeGreaterThan(12);
    expect(countedWrites().filter((label) => label.startsWith('file')).length).toBeGreaterThanOrEqual(5);
  });

  it('ends the program with what to do, leaves the run as it was, and costs no round: one after the other', async () => {
    const failing = [0, 1, 5, 6, 11, 12, 13, 14];
    const rounds = failing.length + 1;
    const expected = await undisturbed(rounds);
    const own = await SmallFederation.create(rounds);
    federation = own;
    own.startSites();
    for (const number of failing) {
      failWrite(number);
      const coordinator = await own.start();
      const error: unknown = await coordinator.finished.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      const point = `write ${String(number)}, ${String(countedWrites().at(number))}`;
      expect(error, point).toBeInstanceOf(StorageError);
      expect(isDiskFault(error), point).toBe(true);
      expect(String(error), point).toMatch(/Nothing is lost: make room .* start the coordinator again/);
      failWrite(undefined);
      await own.stop();
      expect(await own.status(), point).toBe('running');
    }
    await own.start();
    expect(await own.told(isOver)).toMatchObject({ kind: 'runFinished' });
    expect(await own.models()).toEqual(expected);
    expect(readdirSync(own.folder.models).filter((name) => name.startsWith('.writing'))).toEqual([]);
  });
});

describe('a disk that really is full', () => {
  it('is named, and with room again the run goes on to the same model', async ({ skip }) => {
    // An empty database with its log, and a few models.
    const disk = smallDisk(4 << 20);
    if (typeof disk === 'string') return skip(disk);
    const expected = await undisturbed(3);
    try {
      const own = await SmallFederation.create(3, join(disk.path, 'coordinator'));
      federation = own;
      const first = await own.start();
      const filler = join(disk.path, 'filler');
      const stopped = first.finished.then(
        () => undefined,
        (reason: unknown) => reason,
      );
      const { bavail, bsize } = statfsSync(disk.path);
      writeFileSync(filler, new Uint8Array(bavail * bsize));
      own.startSites();
      expect(String(await stopped)).toMatch(/Nothing is lost: make room/);
      await own.stop();
      expect(readdirSync(disk.path).sort()).toEqual(['coordinator', 'filler']);
      rmSync(filler);
      await own.start();
      expect(await own.told(isOver)).toMatchObject({ kind: 'runFinished' });
      expect(await own.models()).toEqual(expected);
    } finally {
      await federation?.remove();
      federation = undefined;
      disk.remove();
    }
  });
});
