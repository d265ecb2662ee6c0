import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { zipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DataError } from '../../../shared/errors.ts';
import type { NpyArray } from '../../../shared/data/npy.ts';
import { DEFAULT_NPZ_LIMITS, formatNpz, parseNpz, readNpz, writeNpz } from '../../../shared/data/npz.ts';
import vectors from './npy-vectors.json' with { type: 'json' };

const bytesOf = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));
const numbers = (values: readonly number[]): NpyArray => ({
  kind: 'numeric',
  dtype: 'u1',
  shape: [values.length],
  data: Uint8Array.from(values),
});

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'npz-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe('.npz files', () => {
  it.each(['savez', 'savezCompressed'] as const)('reads numpy.%s', (kind) => {
    const npz = parseNpz(bytesOf(vectors[kind]), 'a.npz');
    expect([...npz.keys()]).toEqual(['images', 'labels']);
    expect(npz.get('images')?.shape).toEqual([2, 4, 4]);
    expect(Array.from<number | string>(npz.get('labels')?.data ?? [])).toEqual([0, 1]);
  });

  it('reads back what it wrote, and writes the same bytes again', async () => {
    const arrays = new Map<string, NpyArray>([
      ['a', numbers([1, 2, 3])],
      ['b', { kind: 'text', shape: [1], data: ['ü'] }],
    ]);
    const path = join(folder, 'round.npz');
    await writeNpz(path, arrays);
    expect(await readNpz(path)).toEqual(arrays);
    expect(formatNpz(arrays)).toEqual(formatNpz(arrays));
  });

  it('names a truncated file', async () => {
    const path = join(folder, 'cut.npz');
    const whole = formatNpz(new Map([['a', numbers([1, 2, 3])]]));
    await writeFile(path, whole.subarray(0, whole.length / 2));
    await expect(readNpz(path)).rejects.toThrow(/^cut\.npz: .*truncated/);
    await writeFile(path, '');
    await expect(readNpz(path)).rejects.toThrow(/^cut\.npz: /);
    await expect(readNpz(join(folder, 'none.npz'))).rejects.toThrow(/^none\.npz: .*no such file/);
  });

  it('names the array that is damaged', () => {
    const bytes = formatNpz(
      new Map([
        ['good', numbers([1])],
        ['bad', numbers([1, 2, 3, 4, 5, 6, 7, 8, 9])],
      ]),
    );
    const member = zipSync({ 'bad.npy': new TextEncoder().encode('no array') });
    expect(() => parseNpz(member, 'x.npz')).toThrow('x.npz, array "bad": not an .npy array');
    const checksumAt = Buffer.from(bytes).lastIndexOf('PK\x01\x02', undefined, 'latin1') + 16;
    bytes[checksumAt] = (bytes[checksumAt] ?? 0) ^ 1;
    expect(() => parseNpz(bytes, 'x.npz')).toThrow('x.npz: array "bad" is damaged');
  });

  it('refuses more bytes than allowed before unpacking', () => {
    const bomb = formatNpz(new Map([['zeros', numbers(new Array<number>(5000).fill(0))]]));
    expect(() => parseNpz(bomb, 'bomb.npz', { ...DEFAULT_NPZ_LIMITS, inflatedBytes: 4000 })).toThrow(
      'refused before unpacking',
    );
  });

  it('refuses a declared size that no compression reaches', () => {
    const bytes = formatNpz(new Map([['a', numbers([1])]]));
    const entry = Buffer.from(bytes).lastIndexOf('PK\x01\x02', undefined, 'latin1');
    new DataView(bytes.buffer).setUint32(entry + 24, 2 ** 31, true);
    expect(() => parseNpz(bytes, 'lie.npz')).toThrow('lie.npz: the size of member "a.npy" cannot be true');
  });

  it('refuses files above the limit and archives without arrays', async () => {
    const path = join(folder, 'large.npz');
    await writeNpz(path, new Map([['a', numbers([1])]]));
    await expect(readNpz(path, { ...DEFAULT_NPZ_LIMITS, fileBytes: 10 })).rejects.toThrow(
      'at most 10 are read',
    );
    expect(() => parseNpz(zipSync({ 'readme.txt': new Uint8Array(3) }), 'text.npz')).toThrow(
      'holds no .npy arrays',
    );
  });

  it('never fails otherwise than with a DataError that names the file', () => {
    const valid = bytesOf(vectors.savezCompressed);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 8 }),
        fc.oneof(fc.constant(valid.length), fc.nat(valid.length)),
        (edits, length) => {
          const damaged = valid.slice(0, length);
          for (const [at, value] of edits) if (at < length) damaged[at] = value;
          try {
            parseNpz(damaged, 'fuzz.npz');
          } catch (error) {
            expect(error).toBeInstanceOf(DataError);
            expect(String(error)).toContain('fuzz.npz');
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
