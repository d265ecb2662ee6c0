import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SiteLedger, readLedger } from '../../../client/ledger/ledger-file.ts';
import type { PublishedRecord } from '../../../coordinator/run/progress.ts';
import { Administration } from '../../../coordinator/storage/administration.ts';
import type { AuditEntry } from '../../../coordinator/storage/audit-log.ts';
import { openDatabase, type Database } from '../../../coordinator/storage/database.ts';
import { RunStore } from '../../../coordinator/storage/run-store.ts';
import { systemClock } from '../../../shared/clock.ts';
import { createIdentity } from '../../../shared/crypto/identity.ts';
import { firstContradiction, firstMisfit } from '../../../shared/protocol/ledger-anchor.ts';
import {
  contradictionOf,
  coordinatorAnchorsIn,
  coordinatorLedgerFault,
  lastAnchor,
  readCoordinatorLedger,
  readSiteLedger,
  siteAnchorsIn,
  siteLedgerFault,
} from '../../../simulations/cli/ledger-anchors.ts';
import { contextOf, modelHash, planOf, site } from '../../coordinator/fixtures.ts';

const hash = (digit: string): string => digit.repeat(128);

describe('anchors', () => {
  it('contradict each other when a ledger got shorter or changed', () => {
    const anchors = [
      { entries: 3, hash: hash('a') },
      { entries: 3, hash: hash('a') },
      { entries: 5, hash: hash('b') },
    ];
    expect(firstContradiction(anchors)).toBeUndefined();
    const shorter = { entries: 4, hash: hash('c') };
    expect(firstContradiction([...anchors, shorter])).toBe(shorter);
    const other = { entries: 5, hash: hash('c') };
    expect(firstContradiction([...anchors, other])).toBe(other);
  });

  it('do not fit a ledger that has another entry there, or none', () => {
    const hashes = [hash('0'), hash('a'), hash('b')];
    const at = (entries: number) => hashes[entries];
    const fits = { entries: 2, hash: hash('b') };
    expect(firstMisfit([{ entries: 0, hash: hash('0') }, fits], at)).toBeUndefined();
    expect(firstMisfit([fits, { entries: 1, hash: hash('b') }], at)).toEqual({ entries: 1, hash: hash('b') });
    expect(firstMisfit([fits, { entries: 3, hash: hash('c') }], at)).toMatchObject({ entries: 3 });
  });
});

describe('the ledgers of a coordinator and a site', () => {
  const federation = createIdentity();
  const own = createIdentity();
  const context = contextOf(planOf());
  const { runId } = context;
  let folder: string;
  let database: Database;
  let administration: Administration;
  let ledger: SiteLedger;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'consilium-anchors-'));
    database = await openDatabase(join(folder, 'coordinator.db'));
    const runs = new RunStore(database, systemClock);
    await runs.enqueue(runId, await runs.addPlan(planOf()));
    administration = new Administration(database, systemClock, federation);
    ledger = new SiteLedger({ folder, identity: own, clock: systemClock });
    await ledger.enter({ kind: 'started', siteId: site('a') });
    for (const round of [1, 2, 3]) await playRound(round);
  });
  afterEach(async () => {
    await database.destroy();
    rmSync(folder, { recursive: true });
  });

  /** As agent and queue do it. */
  async function playRound(round: number): Promise<void> {
    const coordinator = await administration.log.head(database);
    await ledger.enter({ kind: 'anchored', ...context, round, coordinator });
    const anchor = ledger.head;
    if (!anchor) throw new Error('there is an entry');
    const record: PublishedRecord = {
      ...{ outcome: 'published', round, attempt: 1, modelHash: modelHash('b'), dropped: [] },
      survivors: [site('a')],
      validation: { loss: 1, score: 0.5, metrics: {} },
      anchors: [{ siteId: site('a'), ...anchor }],
    };
    await administration.endAttempt(runId, round - 1, record);
    // The same attempt again, after the program has ended in between, is no second entry.
    await administration.endAttempt(runId, round - 1, record);
  }

  const audit = (): Promise<readonly AuditEntry[]> => administration.log.entries(database, 0, 1000);
  const told = async () => siteAnchorsIn(await audit()).get(site('a')) ?? [];
  const written = () => readLedger(folder, own.publicKey);

  it('agree, round by round', async () => {
    expect((await audit()).map(({ act, actor }) => `${act} ${actor}`)).toEqual([
      'round-published coordinator',
      'round-published coordinator',
      'round-published coordinator',
    ]);
    expect((await told()).map(({ entries, round, at }) => [entries, round, at])).toEqual([
      [2, 'run run-1, round 1', 'entry 1'],
      [3, 'run run-1, round 2', 'entry 2'],
      [4, 'run run-1, round 3', 'entry 3'],
    ]);
    const reading = await written();
    expect(siteLedgerFault(site('a'), reading, await told())).toBeUndefined();
    const anchors = coordinatorAnchorsIn(reading.entries);
    expect(anchors.map(({ entries, at }) => [entries, at])).toEqual([
      [0, 'line 2'],
      [1, 'line 3'],
      [2, 'line 4'],
    ]);
    expect(coordinatorLedgerFault(await audit(), federation.publicKey, anchors)).toBeUndefined();
    expect(contradictionOf('the coordinator', anchors)).toBeUndefined();
    expect(lastAnchor(anchors)).toMatch(/^2 entries, .*round 3 \(3 anchors\)$/);
    expect(lastAnchor([])).toBe('nothing was told of it yet');
  });

  it('show a site’s ledger that was cut off, which its own chain does not', async () => {
    const file = join(folder, 'ledger.jsonl');
    writeFileSync(file, `${readFileSync(file, 'utf8').split('\n').slice(0, 3).join('\n')}\n`);
    const reading = await written();
    expect(reading.fault).toBeUndefined();
    expect(siteLedgerFault(site('a'), reading, await told())).toBe(
      'entry 4 is not the one that a told of in run run-1, round 3 (entry 3), or is missing',
    );
  });

  it('show a site’s ledger that was written anew with its own key', async () => {
    rmSync(join(folder, 'ledger.jsonl'));
    const other = new SiteLedger({ folder, identity: own, clock: systemClock });
    for (let i = 0; i < 5; i++) await other.enter({ kind: 'started', siteId: site('a') });
    expect(siteLedgerFault(site('a'), await written(), await told())).toMatch(/^entry 2 is not the one/);
  });

  it('show a coordinator’s ledger that was cut off or written anew with its own key', async () => {
    const anchors = coordinatorAnchorsIn((await written()).entries);
    const [first] = await audit();
    const cut = first ? [first] : [];
    expect(coordinatorLedgerFault(cut, federation.publicKey, anchors)).toBe(
      'entry 2 is not the one that the coordinator told of in run run-1, round 3 (line 4), or is missing',
    );
    await database.deleteFrom('audit').execute();
    for (let i = 0; i < 3; i++) await administration.note({ actor: 'ann', act: 'login', subject: 'ann' });
    expect(coordinatorLedgerFault(await audit(), federation.publicKey, anchors)).toMatch(/^entry 1 is not/);
    expect(coordinatorLedgerFault(await audit(), own.publicKey, [])).toBe('entry 1 is not what was written');
  });

  it('are read from files, or it is said what is wrong with them', async () => {
    const file = join(folder, 'coordinator.jsonl');
    writeFileSync(file, (await audit()).map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    expect(readCoordinatorLedger(file)).toEqual(await audit());
    writeFileSync(file, '{}\n');
    expect(() => readCoordinatorLedger(file)).toThrow('line 1 is no entry of a coordinator’s ledger');
    const path = join(folder, 'ledger.jsonl');
    const found = await readSiteLedger(path, () => Promise.resolve(own.publicKey));
    expect([found.siteId, found.reading.entries.length]).toEqual(['a', 4]);
    await expect(readSiteLedger(path, () => Promise.resolve(undefined))).rejects.toThrow(
      'no site that is enrolled',
    );
    await expect(readSiteLedger(file, () => Promise.resolve(own.publicKey))).rejects.toThrow('is not called');
  });
});
