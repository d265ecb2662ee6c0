/** Event files against published vectors, a second reader, and TensorBoard's own reader where Python has it. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { crc32c } from '../../../simulations/tensorboard/crc32c.ts';
import { scalarEvent, tfRecord, versionEvent } from '../../../simulations/tensorboard/event.ts';
import { eventFolder } from '../../../simulations/tensorboard/event-folder.ts';
import { roundScalars, seedScalars, testScalars } from '../../../simulations/tensorboard/scalars.ts';
import { findPython } from '../../python/config.ts';
import { exampleFederation, exampleTraining } from '../report/example-results.ts';
import { readEvents, readRecords, slowCrc32c } from './read-events.ts';

/** The same examples in every run; a failure prints them. */
fc.configureGlobal({ seed: 3720 });

describe('CRC-32C', () => {
  it.each([
    ['32 zeros', Buffer.alloc(32), 0x8a9136aa],
    ['32 ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
    ['rising', Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
    ['falling', Buffer.from(Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c],
    [
      'an iSCSI read command',
      Buffer.from(
        '01c00000000000000000000000000000140000000000040000000014000000182800000000000000020000000000' +
          '0000',
        'hex',
      ),
      0xd9963a56,
    ],
  ])('of %s is that of RFC 3720, B.4', (_name, bytes, expected) => {
    expect(crc32c(bytes)).toBe(expected);
  });

  it('is the long division for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(crc32c(bytes)).toBe(slowCrc32c(bytes));
      }),
    );
  });
});

describe('a record', () => {
  it('of the version begins as every event file of TensorFlow does', () => {
    const record = Buffer.from(tfRecord(versionEvent(1_700_000_000_500)));
    // 24 bytes follow; their length's masked checksum; field 1, a double.
    expect(record.subarray(0, 13).toString('hex')).toBe('1800000000000000a37f4b2209');
    expect(record.readDoubleLE(13)).toBe(1_700_000_000.5);
    expect(record.subarray(21, 36).toString('latin1')).toBe('\x1a\rbrain.Event:2');
  });

  it('gives back any scalars, rounded to float32', () => {
    const scalar = fc.record({ tag: fc.string({ unit: 'grapheme', minLength: 1 }), value: fc.double() });
    const steps = fc.record({
      timeMs: fc.integer({ min: 0, max: 2 ** 45 }),
      step: fc.integer({ min: 0, max: 2 ** 50 }),
      scalars: fc.array(scalar, { maxLength: 5 }),
    });
    fc.assert(
      fc.property(steps, (event) => {
        const [read] = readEvents(Buffer.from(tfRecord(scalarEvent(event))));
        expect(read).toEqual({
          wallTimeS: event.timeMs / 1000,
          step: event.step,
          fileVersion: undefined,
          scalars: event.scalars.map(({ tag, value }) => [tag, Math.fround(value)]),
        });
      }),
    );
  });

  it('shows every flipped bit', () => {
    const record = tfRecord(scalarEvent({ timeMs: 5, step: 1, scalars: [{ tag: 'a', value: 1 }] }));
    for (let bit = 0; bit < 8 * record.length; bit++) {
      const damaged = Buffer.from(record);
      damaged.writeUInt8(damaged.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(() => readRecords(damaged), `bit ${String(bit)}`).toThrow();
    }
  });
});

describe('a folder of events', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'consilium-tensorboard-'));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const root = (): string => join(folder, 'tensorboard');
  const eventsOf = (curve: string) =>
    readEvents(readFileSync(join(root(), curve, 'events.out.tfevents.consilium')));

  it('has a line for the federation and for each site, round after round', () => {
    const result = exampleFederation({ sites: 3 });
    const events = eventFolder(folder, { nowMs: () => 7000 });
    for (const round of result.rounds) events.append(roundScalars(round));
    events.append(testScalars(result));
    expect(readdirSync(root()).sort()).toEqual([
      'federation',
      'pooled',
      'site hospital-01',
      'site hospital-02',
      'site hospital-03',
    ]);
    const [version, first, ...others] = eventsOf('federation');
    expect(version?.fileVersion).toBe('brain.Event:2');
    expect(first).toMatchObject({ wallTimeS: 7, step: 1 });
    const round = result.rounds[0];
    expect(Object.fromEntries(first?.scalars ?? [])).toMatchObject({
      'training/loss': Math.fround(round?.loss ?? 0),
      'validation/accuracy': Math.fround(round?.validation?.['accuracy'] ?? 0),
      'round/survivors': 3,
    });
    // Eleven more rounds, and the test at the round that was kept.
    expect(others.map(({ step }) => step)).toEqual([...Array.from({ length: 11 }, (_, i) => i + 2), 10]);
    expect(Object.fromEntries(others.at(-1)?.scalars ?? [])['test/auc']).toBe(
      Math.fround(result.test.federated.metrics.auc.value ?? 0),
    );
    // The second site missed round 4.
    expect(eventsOf('site hospital-02').map(({ step }) => step)).not.toContain(4);
  });

  it('has a line for each seed of a training', () => {
    const events = eventFolder(folder);
    for (const seed of exampleTraining({ seeds: [4, 5] }).seeds) events.append(seedScalars(seed));
    expect(readdirSync(root()).sort()).toEqual(['seed 4', 'seed 5']);
    expect(eventsOf('seed 5')).toHaveLength(1 + 20 + 1);
  });

  it('keeps a hostile name inside, and different names apart', () => {
    const events = eventFolder(folder);
    const names = [
      '..',
      '../../escaped',
      'a/b',
      'a\\b',
      'a b',
      '',
      'x'.repeat(300),
      `${'x'.repeat(299)}y`,
      'Ä.',
    ];
    for (const curve of names) events.append([{ curve, step: 1, scalars: [{ tag: 't', value: 1 }] }]);
    expect(readdirSync(folder)).toEqual(['tensorboard']);
    expect(readdirSync(root())).toHaveLength(names.length);
    for (const name of readdirSync(root())) expect(name).toMatch(/^[A-Za-z0-9 _%-]+$/);
  });

  it('forgets everything when it is cleared', () => {
    const events = eventFolder(folder);
    events.append([{ curve: 'a', step: 1, scalars: [{ tag: 't', value: 1 }] }]);
    events.clear();
    expect(readdirSync(folder)).toEqual([]);
    events.append([{ curve: 'a', step: 2, scalars: [{ tag: 't', value: 2 }] }]);
    expect(eventsOf('a').map(({ step }) => step)).toEqual([undefined, 2]);
  });

  const python = findPython('tensorboard');
  it.skipIf(python.missing !== undefined)(
    `is read by TensorBoard itself (skipped where ${python.missing ?? 'it is missing'})`,
    () => {
      const result = exampleFederation({ sites: 2 });
      const events = eventFolder(folder);
      for (const round of result.rounds) events.append(roundScalars(round));
      const program = [
        'import json, sys',
        'from tensorboard.backend.event_processing.event_accumulator import EventAccumulator',
        'a = EventAccumulator(sys.argv[1]); a.Reload()',
        'print(json.dumps({t: [[e.step, e.value] for e in a.Scalars(t)] for t in a.Tags()["scalars"]}))',
      ].join('\n');
      const said = execFileSync(python.executable, ['-c', program, join(root(), 'federation')], {
        encoding: 'utf8',
      });
      const curves = z.record(z.string(), z.array(z.tuple([z.number(), z.number()]))).parse(JSON.parse(said));
      expect(curves['training/loss']).toEqual(
        result.rounds.map(({ round, loss }) => [round, Math.fround(loss ?? 0)]),
      );
    },
  );
});
