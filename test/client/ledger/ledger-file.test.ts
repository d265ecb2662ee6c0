import {
  appendFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SiteAct } from '../../../client/ledger/acts.ts';
import { BEGINNING, checkChain, nextLine } from '../../../client/ledger/chain.ts';
import { LEDGER_FILE, readLedger, SiteLedger } from '../../../client/ledger/ledger-file.ts';
import { sha512Hex } from '../../../shared/crypto/hash.ts';
import { identityFromSeed } from '../../../shared/crypto/identity.ts';
import { planHashSchema } from '../../../shared/ids.ts';

const identity = identityFromSeed(new Uint8Array(32).fill(7));
const clock = { nowMs: () => 1_700_000_000_000 };
const planHash = planHashSchema.parse('a'.repeat(128));
const withdrawn: SiteAct = { kind: 'planWithdrawn', planHash };
const stopped: SiteAct = { kind: 'stopped' };

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'consilium-ledger-'));
  path = join(folder, LEDGER_FILE);
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const open = (): SiteLedger => new SiteLedger({ folder, identity, clock });
const read = () => readLedger(folder, identity.publicKey);
const lines = (): string[] => readFileSync(path, 'utf8').split('\n').slice(0, -1);

describe('the chain', () => {
  it('is signed line by line, and each line names the one before', () => {
    const first = nextLine(
      BEGINNING,
      { time: '2026-01-01T00:00:00.000Z', actor: 'agent', event: stopped },
      identity,
    );
    const second = nextLine(
      first.head,
      { time: '2026-01-01T00:00:01.000Z', actor: 'administrator', event: withdrawn },
      identity,
    );
    expect(first.head).toEqual({ seq: 1, prevHash: sha512Hex(Buffer.from(first.line)) });
    const check = checkChain([first.line, second.line], identity.publicKey);
    expect(check.fault).toBeUndefined();
    expect(check.entries.map(({ seq, actor, event }) => [seq, actor, event.kind])).toEqual([
      [0, 'agent', 'stopped'],
      [1, 'administrator', 'planWithdrawn'],
    ]);
    expect(check.head).toEqual(second.head);
  });

  it('shows what was removed, exchanged, put in between, or signed by somebody else', () => {
    const built: string[] = [];
    let head = BEGINNING;
    for (let i = 0; i < 4; i++) {
      const next = nextLine(
        head,
        { time: `2026-01-01T00:00:0${String(i)}.000Z`, actor: 'agent', event: stopped },
        identity,
      );
      built.push(next.line);
      head = next.head;
    }
    const [a = '', b = '', c = '', d = ''] = built;
    const faultOf = (changed: readonly string[], key = identity.publicKey) => checkChain(changed, key).fault;
    expect(faultOf(built)).toBeUndefined();
    expect(faultOf([a, c, d])).toEqual({ line: 2, what: 'does not follow the line before it' });
    expect(faultOf([a, c, b, d])?.line).toBe(2);
    expect(faultOf([a, b, b, c, d])?.line).toBe(3);
    expect(faultOf([b, c, d])?.line).toBe(1);
    const stranger = identityFromSeed(new Uint8Array(32).fill(8)).publicKey;
    expect(faultOf(built, stranger)).toEqual({ line: 1, what: 'is not signed with the key of this site' });
    expect(faultOf([a, ` ${b}`])).toEqual({ line: 2, what: 'is not in its one form' });
    expect(faultOf([a, b.replace('"agent"', '"administrator"')])?.what).toBe(
      'is not signed with the key of this site',
    );
  });

  it('shows every change of a character', () => {
    const first = nextLine(
      BEGINNING,
      { time: '2026-01-01T00:00:00.000Z', actor: 'agent', event: withdrawn },
      identity,
    );
    const second = nextLine(
      first.head,
      { time: '2026-01-01T00:00:00.000Z', actor: 'agent', event: stopped },
      identity,
    );
    fc.assert(
      fc.property(fc.nat(first.line.length - 1), fc.integer({ min: 1, max: 93 }), (at, by) => {
        const code = 33 + ((first.line.charCodeAt(at) - 33 + by) % 94);
        const changed = first.line.slice(0, at) + String.fromCharCode(code) + first.line.slice(at + 1);
        expect(checkChain([changed, second.line], identity.publicKey).fault?.line).toBe(1);
      }),
      { seed: 11, numRuns: 150 },
    );
  });
});

describe('the file', () => {
  it('is for the site alone, and grows by whole lines', async () => {
    const ledger = open();
    await Promise.all([
      ledger.enter(withdrawn, 'administrator'),
      ledger.enter(stopped),
      ledger.enter(stopped),
    ]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const { entries, fault, tail } = await read();
    expect([fault, tail]).toEqual([undefined, undefined]);
    expect(entries.map(({ seq, time }) => [seq, time])).toEqual(
      [0, 1, 2].map((seq) => [seq, '2023-11-14T22:13:20.000Z']),
    );
  });

  it('is continued by another program, also while this one runs', async () => {
    const [first, second] = [open(), open()];
    const work = Array.from({ length: 6 }, (_, i) => (i % 2 === 0 ? first : second).enter(stopped));
    await Promise.all(work);
    const { entries, fault } = await read();
    expect(fault).toBeUndefined();
    expect(entries.map(({ seq }) => seq)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('goes on after a line that was cut short at any place, and says so', async () => {
    await open().enter(withdrawn);
    const whole = readFileSync(path);
    await open().enter(stopped);
    const both = readFileSync(path);
    for (const length of [whole.length + 1, both.length - 70, both.length - 1]) {
      writeFileSync(path, both.subarray(0, length));
      expect((await read()).tail).toHaveLength(length - whole.length);
      await open().enter(stopped);
      const { entries, fault, tail } = await read();
      expect([fault, tail]).toEqual([undefined, undefined]);
      expect(entries.map(({ event }) => event)).toEqual([
        withdrawn,
        {
          kind: 'repaired',
          lostBytes: length - whole.length,
          lostHash: sha512Hex(both.subarray(whole.length, length)),
        },
        stopped,
      ]);
    }
  });

  it('takes nothing more once its middle was changed', async () => {
    const ledger = open();
    for (let i = 0; i < 3; i++) await ledger.enter(stopped);
    const [a = '', , c = ''] = lines();
    writeFileSync(path, `${a}\n${c}\n`);
    await expect(open().enter(stopped)).rejects.toThrow('line 2 does not follow the line before it');
    // The program that wrote it notices as well.
    await expect(ledger.enter(stopped)).rejects.toThrow('line 2');
    expect(lines()).toHaveLength(2);
  });

  it('notices a line that somebody else has added', async () => {
    const ledger = open();
    await ledger.enter(stopped);
    appendFileSync(path, '{"seq":1}\n');
    await expect(ledger.enter(stopped)).rejects.toThrow('line 2 is no entry of this version');
  });

  it('is empty before anything has happened', async () => {
    expect(await read()).toMatchObject({ entries: [], head: BEGINNING });
    await open().enter(stopped);
    truncateSync(path, 0);
    expect((await read()).entries).toEqual([]);
  });

  it('says when it cannot be written', async () => {
    const nowhere = new SiteLedger({ folder: join(folder, 'missing'), identity, clock });
    await expect(nowhere.enter(stopped)).rejects.toThrow('cannot be written');
  });
});
