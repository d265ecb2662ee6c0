import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { openSiteFolder, siteIdentity, writeSite } from '../../../client/config.ts';
import { SiteLedger } from '../../../client/ledger/ledger-file.ts';
import type { Receipt } from '../../../client/ledger/receipt.ts';
import { sitePolicySchema } from '../../../client/session/policy.ts';
import { modelHashSchema, planHashSchema, siteIdSchema } from '../../../shared/ids.ts';
import { ledgerFault } from '../../../client/ledger/ledger-fault.ts';
import { siteRecordCommands } from '../../../simulations/cli/site-records-command.ts';
import { contextOf, planOf } from '../../coordinator/fixtures.ts';

const siteId = siteIdSchema.parse('north');
let folder: string;
let output = '';
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'consilium-records-'));
  siteIdentity(folder);
  const coordinator = { url: 'http://127.0.0.1:9', federationId: 'f', key: 'a'.repeat(64) };
  await writeSite(
    folder,
    { siteId, coordinator, engine: 'onnx' },
    sitePolicySchema.parse({ approvedPlans: [] }),
  );
  output = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    output += String(text);
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    output += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
  rmSync(folder, { recursive: true });
});

async function call(name: string, ...flags: string[]): Promise<string> {
  output = '';
  const command = siteRecordCommands().find((each) => each.name() === name);
  await command?.parseAsync(['--dir', folder, ...flags], { from: 'user' });
  return output;
}

it('the ledger is told in words, as JSON, and checked', async () => {
  const { identity } = openSiteFolder(folder);
  const ledger = new SiteLedger({ folder, identity, clock: { nowMs: () => 0 } });
  await ledger.enter(
    { kind: 'planWithdrawn', planHash: planHashSchema.parse('b'.repeat(128)) },
    'administrator',
  );
  await ledger.enter({ kind: 'started', siteId });
  expect(await call('ledger')).toBe(
    `1970-01-01T00:00:00.000Z  administrator  withdrew plan ${'b'.repeat(16)}\n` +
      '1970-01-01T00:00:00.000Z  agent          the agent of north started\n',
  );
  const lines = (await call('ledger', '--json')).trimEnd().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { seq: number }).seq)).toEqual([0, 1]);
  expect(await call('ledger', '--verify')).toContain('2 entries, each signed by this site');
  expect(process.exitCode).toBeUndefined();
  const file = join(folder, 'ledger.jsonl');
  writeFileSync(file, readFileSync(file, 'utf8').replace('north', 'south'));
  expect(await call('ledger', '--verify')).toContain('line 2 is not signed with the key of this site');
  expect(process.exitCode).toBe(2);
});

it('there are no receipts at first', async () => {
  expect(await call('receipts', '--verify')).toBe('none\n');
});

it('a receipt that no entry names shows that the ledger was cut off', () => {
  const signature = 'c'.repeat(128);
  const receipt: Receipt = {
    siteId,
    evidence: { context: contextOf(planOf()), acknowledged: { status: 'accepted', signature } },
    published: { newModelHash: modelHashSchema.parse('d'.repeat(128)), survivorCount: 2, signature },
  };
  const head = { seq: 0, prevHash: '' };
  expect(ledgerFault({ entries: [], head }, [])).toBeUndefined();
  expect(ledgerFault({ entries: [], head }, [{ file: 'run-1.000001.json', receipt }])).toContain(
    'run-1.000001.json is not in it: entries at its end are missing',
  );
});
