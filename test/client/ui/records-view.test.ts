import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSiteFolder, siteIdentity, writeSite, type SiteFolder } from '../../../client/config.ts';
import type { SiteAct } from '../../../client/ledger/acts.ts';
import { SiteLedger } from '../../../client/ledger/ledger-file.ts';
import { sitePolicySchema } from '../../../client/session/policy.ts';
import { appendTraining } from '../../../client/training/training-history.ts';
import { LedgerReader } from '../../../client/ui/ledger-reader.ts';
import {
  ledgerView,
  receiptsView,
  trainingView,
  verification,
  wilsonInterval,
} from '../../../client/ui/records-view.ts';
import { siteIdSchema } from '../../../shared/ids.ts';
import { contextOf, planOf } from '../../coordinator/fixtures.ts';

const siteId = siteIdSchema.parse('north');
const context = contextOf(planOf());
const hash = 'c'.repeat(128);

let path: string;
let folder: SiteFolder;
let ledger: SiteLedger;
beforeEach(async () => {
  path = mkdtempSync(join(tmpdir(), 'consilium-records-'));
  siteIdentity(path);
  const coordinator = { url: 'http://127.0.0.1:9', federationId: 'f', key: 'a'.repeat(64) };
  await writeSite(
    path,
    { siteId, coordinator, engine: 'onnx' },
    sitePolicySchema.parse({ approvedPlans: [] }),
  );
  folder = openSiteFolder(path);
  ledger = new SiteLedger({ folder: path, identity: folder.identity, clock: { nowMs: () => 0 } });
});
afterEach(() => {
  rmSync(path, { recursive: true });
});

const sent = (what: string, payloadBytes: number): SiteAct => ({
  ...context,
  ...{ kind: 'sent', what, payloadBytes, payloadHash: hash, protection: 'secure-aggregation' },
});

describe('what left the hospital', () => {
  it('is told round by round, in words and bytes', async () => {
    await ledger.enter({ kind: 'joined', ...context, cohortSize: 3, protection: 'secure-aggregation' });
    await ledger.enter(sent('shares', 400));
    await ledger.enter({
      ...{ kind: 'trained', ...context, steps: 21, seconds: 1.5, engine: 'onnx', examples: '100-999' },
    });
    await ledger.enter(sent('update', 896_600));
    await ledger.enter({ kind: 'refused', ...context, round: 2, reason: 'cohort-below-policy' });
    const view = await receiptsView(folder, new LedgerReader(folder));
    expect(view).toMatchObject({
      totalBytes: 897_000,
      publishedRounds: 0,
      epsilon: expect.stringContaining('none asked for') as unknown,
    });
    expect(view.rounds.map(({ round }) => round)).toEqual([2, 1]);
    const [refused, first] = view.rounds;
    expect(first).toMatchObject({ bytes: 897_000, cohortSize: 3, receipt: null, failed: false });
    expect(first?.words[0]).toContain('897.0 kB left this hospital');
    expect(first?.words.join(' ')).toContain('masked: readable only in the sum of all sites');
    expect(first?.words.join(' ')).toContain('100-999 images were trained on, in 21 steps');
    expect(refused?.words).toContain('Nothing left this hospital.');
    expect(refused).toMatchObject({ refused: 'cohort-below-policy', sent: [] });
  });

  it('is nothing before the first round', async () => {
    const view = await receiptsView(folder, new LedgerReader(folder));
    expect(view).toMatchObject({ rounds: [], totalBytes: 0, faults: [] });
  });
});

describe('the ledger', () => {
  it('is read on where it was left, and pages and searches backwards', async () => {
    const reader = new LedgerReader(folder);
    await ledger.enter({ kind: 'started', siteId });
    const all = { text: '', before: undefined, limit: 2 };
    expect(await ledgerView(reader, all)).toMatchObject({ total: 1, entries: [{ seq: 0 }], fault: null });
    await ledger.enter({ kind: 'stopped' });
    await ledger.enter({ kind: 'started', siteId });
    expect((await ledgerView(reader, all)).entries.map(({ seq }) => seq)).toEqual([2, 1]);
    expect((await ledgerView(reader, { ...all, before: 1 })).entries.map(({ seq }) => seq)).toEqual([0]);
    const found = await ledgerView(reader, { ...all, text: ' STOPPED ' });
    expect([found.total, found.entries.map(({ seq }) => seq)]).toEqual([1, [1]]);
  });

  it('shows what came before an entry that was changed, and names that entry', async () => {
    await ledger.enter({ kind: 'started', siteId });
    const reader = new LedgerReader(folder);
    const all = { text: '', before: undefined, limit: 10 };
    await ledgerView(reader, all);
    await ledger.enter({ kind: 'stopped' });
    await ledger.enter({ kind: 'started', siteId });
    const file = join(path, 'ledger.jsonl');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"stopped"', '"started"'));
    for (const from of [reader, new LedgerReader(folder)])
      expect(await ledgerView(from, all)).toMatchObject({
        total: 1,
        fault: expect.stringMatching(/^line 2 /) as unknown,
      });
    expect((await verification(folder)).fault).toMatch(/^line 2 /);
  });

  it('waits for the end of a line that is being written', async () => {
    await ledger.enter({ kind: 'started', siteId });
    const reader = new LedgerReader(folder);
    appendFileSync(join(path, 'ledger.jsonl'), '{"half');
    expect(await reader.read()).toMatchObject({ entries: [{ seq: 0 }] });
    await ledger.enter({ kind: 'stopped' });
    const { entries, fault } = await reader.read();
    expect(fault).toBeUndefined();
    expect(entries.map(({ event }) => event.kind)).toEqual(['started', 'repaired', 'stopped']);
  });

  it('verifies as the command does', async () => {
    await ledger.enter({ kind: 'started', siteId });
    expect(await verification(folder)).toMatchObject({ entries: 1, receipts: 0, fault: null });
  });
});

describe('trained rounds', () => {
  it('have the accuracy on the site’s own images with its interval', async () => {
    const trained = {
      ...{ runId: context.runId, round: 1, planHash: context.planHash, planName: 'two blobs' },
      ...{ steps: 10, seconds: 2, exampleCount: 90, meanLoss: 0.5, device: 'CPU' },
    };
    const time = new Date(0).toISOString();
    await appendTraining(
      path,
      { ...trained, validation: { exampleCount: 10, correctCount: 8, lossSum: 4 } },
      time,
    );
    appendFileSync(join(path, 'training.jsonl'), 'damaged\n');
    await appendTraining(path, { ...trained, round: 2, device: undefined }, time);
    const { rounds } = await trainingView(folder);
    expect(rounds.map(({ round, device }) => [round, device])).toEqual([
      [1, 'CPU'],
      [2, null],
    ]);
    expect(rounds[0]?.validation).toMatchObject({
      exampleCount: 10,
      meanLoss: 0.4,
      accuracy: { value: 0.8 },
    });
    expect(rounds[1]?.validation).toBeNull();
  });

  it('have the score interval: 8 of 10 is .490 to .943, 0 of 10 is 0 to .278', () => {
    const of = (hits: number, count: number) => {
      const { low, high } = wilsonInterval(hits, count);
      return [low.toFixed(3), high.toFixed(3)];
    };
    expect(of(8, 10)).toEqual(['0.490', '0.943']);
    expect(of(0, 10)).toEqual(['0.000', '0.278']);
    expect(of(10, 10)).toEqual(['0.722', '1.000']);
  });
});
