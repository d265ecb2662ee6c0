import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { receiptFault, receiptSchema, type Receipt } from '../../../client/ledger/receipt.ts';
import { readReceipts, writeReceipt } from '../../../client/ledger/receipt-files.ts';
import { entryOf, spanOf } from '../../../client/ledger/site-entries.ts';
import { createIdentity } from '../../../shared/crypto/identity.ts';
import { modelHashSchema, siteIdSchema } from '../../../shared/ids.ts';
import { planOf } from '../../coordinator/fixtures.ts';
import { runKilling } from '../session/kill-world.ts';

const names = ['a', 'b', 'c', 'd'];
const federation = { minimumCohort: 4, minimumSurvivors: 3, rounds: 1 };
const masked = planOf(federation, {
  protection: { mode: 'secure-aggregation', smallCohortAcknowledged: true },
});
const boxed = planOf(federation, { protection: { mode: 'box' } });

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'consilium-receipts-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe.each([
  ['secure aggregation', masked],
  ['boxes', boxed],
])('under %s', (_name, plan) => {
  it('a published round gives a receipt that the coordinator has signed, and no other key fits', async () => {
    const { receipts, coordinatorKey, records } = await runKilling(plan, names);
    const [receipt] = receipts;
    if (!receipt) throw new Error('there is no receipt');
    expect(receipts).toHaveLength(1);
    expect(receiptFault(receipt, coordinatorKey)).toBeUndefined();
    const [record] = records;
    expect(record?.outcome === 'published' && record.modelHash).toBe(receipt.published.newModelHash);
    expect(receiptFault(receipt, createIdentity().publicKey)).toContain('not signed');
    const { evidence, published } = receipt;
    const other = siteIdSchema.parse('a');
    const changed: readonly Receipt[] = [
      { ...receipt, siteId: siteIdSchema.parse('nobody') },
      { ...receipt, siteId: other },
      { ...receipt, evidence: { ...evidence, context: { ...evidence.context, round: 2 } } },
      { ...receipt, evidence: { context: evidence.context } },
      { ...receipt, published: { ...published, newModelHash: modelHashSchema.parse('0'.repeat(128)) } },
      { ...receipt, published: { ...published, survivorCount: 3 } },
    ];
    for (const wrong of changed) expect(receiptFault(wrong, coordinatorKey)).toBeDefined();
  });

  it('everything that left is in the ledger before, with its bytes and digest', async () => {
    const { ledger, sent } = await runKilling(plan, names);
    const uploads = ledger.flatMap((act) => (act.kind === 'sent' ? [act] : []));
    expect(ledger[0]).toMatchObject({ kind: 'joined', cohortSize: 4, protection: plan.protection.mode });
    expect(ledger.find(({ kind }) => kind === 'trained')).toMatchObject({ exampleCount: 20, round: 1 });
    const update = uploads.find(({ what }) => what === 'update');
    expect([...(sent.get('update 1.1') ?? [])]).toEqual([update?.payloadHash]);
    expect(update?.payloadBytes).toBeGreaterThan(4 * plan.parameterCount);
    const kinds = plan.protection.mode === 'box' ? ['update'] : ['shares', 'update', 'unmasked'];
    expect(uploads.map(({ what }) => what)).toEqual(kinds);
  });
});

it('of a masked sum is worth nothing without the list of the sites in it', async () => {
  const { receipts, coordinatorKey } = await runKilling(masked, names);
  const [receipt] = receipts;
  if (!receipt) throw new Error('there is no receipt');
  const { context, acknowledged } = receipt.evidence;
  if (!acknowledged) throw new Error('the update was not acknowledged');
  const bare = { ...receipt, evidence: { context, acknowledged } };
  expect(receiptFault(bare, coordinatorKey)).toContain('no list of the sites');
});

describe('the files', () => {
  it('say of each receipt whether it proves something', async () => {
    const { receipts, coordinatorKey } = await runKilling(boxed, names);
    const [receipt] = receipts;
    if (!receipt) throw new Error('there is no receipt');
    expect(await readReceipts(folder, coordinatorKey)).toEqual([]);
    await writeReceipt(folder, receipt, 'what left');
    expect(readFileSync(join(folder, 'receipts', 'killed.000001.txt'), 'utf8')).toBe('what left\n');
    writeFileSync(join(folder, 'receipts', 'other.000001.json'), '{}');
    writeFileSync(
      join(folder, 'receipts', 'wrong.000001.json'),
      JSON.stringify({ ...receipt, siteId: 'someone' }),
    );
    const read = await readReceipts(folder, coordinatorKey);
    expect(read).toEqual([
      { file: 'killed.000001.json', receipt: receiptSchema.parse(receipt) },
      { file: 'other.000001.json', fault: 'is no receipt of this version' },
      expect.objectContaining({ fault: expect.stringContaining('for this site') as string }) as object,
    ]);
  });
});

describe('an entry', () => {
  it('counts images as the policy discloses them', async () => {
    expect([0, 9, 10, 412, 1000].map(spanOf)).toEqual(['0-9', '0-9', '10-99', '100-999', '1000-9999']);
    const { ledger } = await runKilling(boxed, names);
    const trained = ledger.find(({ kind }) => kind === 'trained');
    if (!trained) throw new Error('nothing was trained');
    const examplesWith = (ledgerCounts?: 'exact' | 'span' | 'none') => {
      const entry = entryOf(trained, { engine: 'onnx', policy: ledgerCounts ? { ledgerCounts } : {} });
      return entry.kind === 'trained' ? [entry.engine, entry.examples] : [];
    };
    expect(examplesWith()).toEqual(['onnx', '10-99']);
    expect(examplesWith('exact')).toEqual(['onnx', '20']);
    expect(examplesWith('none')).toEqual(['onnx', undefined]);
    expect(JSON.stringify(entryOf(trained, { engine: 'onnx', policy: {} }))).not.toContain('exampleCount');
  });
});
