import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataError } from '../../../shared/errors.ts';
import { formatNpy } from '../../../shared/data/npy-writer.ts';
import { parseNpy } from '../../../shared/data/npy.ts';
import vectors from './npy-vectors.json' with { type: 'json' };

const bytesOf = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));

describe('.npy arrays written by NumPy', () => {
  it.each(vectors.arrays)('$name', ({ npy, shape, values }) => {
    const array = parseNpy(bytesOf(npy));
    expect(array.shape).toEqual(shape);
    expect(Array.from<number | string>(array.data)).toEqual(values);
  });

  it.each(vectors.refused)('refuses $name', ({ npy, reason }) => {
    expect(() => parseNpy(bytesOf(npy))).toThrow(reason);
  });
});

describe('.npy format', () => {
  it('writes what NumPy writes', () => {
    const written = vectors.arrays.find(({ name }) => name === 'uint16 little-endian');
    const ours = formatNpy({ kind: 'numeric', dtype: 'u2', shape: [2], data: Uint16Array.of(1, 65535) });
    expect(Buffer.from(ours).toString('base64')).toBe(written?.npy);
  });

  it('reads back numbers of every type', () => {
    const arrays = [
      { dtype: 'u1', data: Uint8Array.of(0, 255) },
      { dtype: 'i1', data: Int8Array.of(-128, 127) },
      { dtype: 'bool', data: Uint8Array.of(1, 0) },
      { dtype: 'u2', data: Uint16Array.of(0, 65535) },
      { dtype: 'i2', data: Int16Array.of(-3, 9) },
      { dtype: 'u4', data: Uint32Array.of(0, 4294967295) },
      { dtype: 'i4', data: Int32Array.of(-1, 5) },
      { dtype: 'u8', data: Float64Array.of(0, Number.MAX_SAFE_INTEGER) },
      { dtype: 'i8', data: Float64Array.of(-7, 7) },
      { dtype: 'f4', data: Float32Array.of(0.5, -2) },
      { dtype: 'f8', data: Float64Array.of(0.1, 1e300) },
    ] as const;
    for (const { dtype, data } of arrays) {
      const back = parseNpy(formatNpy({ kind: 'numeric', dtype, shape: [2], data }));
      expect(back, dtype).toEqual({ kind: 'numeric', dtype, shape: [2], data });
    }
  });

  it('reads back any text without trailing zeros', () => {
    const text = fc.string({ unit: 'binary', maxLength: 12 }).map((s) => s.replace(/\0+$/, ''));
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 6 }), (data) => {
        expect(parseNpy(formatNpy({ kind: 'text', shape: [data.length], data })).data).toEqual(data);
      }),
      { numRuns: 40 },
    );
  });

  it('says what is missing from a truncated array', () => {
    const bytes = formatNpy({ kind: 'numeric', dtype: 'f4', shape: [3], data: new Float32Array(3) });
    expect(() => parseNpy(bytes.subarray(0, bytes.length - 1))).toThrow(
      'truncated: shape (3) needs 12 bytes, 11 are there',
    );
  });

  it('refuses a shape that does not fit the data when writing', () => {
    expect(() => formatNpy({ kind: 'numeric', dtype: 'u1', shape: [3], data: new Uint8Array(2) })).toThrow(
      DataError,
    );
  });

  it('refuses sizes beyond any memory without allocating', () => {
    const header =
      "{'descr': '<f8', 'fortran_order': True, 'shape': (99999999999, 99999999999), }".padEnd(117) + '\n';
    const bytes = Buffer.concat([
      Buffer.from('\x93NUMPY\x01\x00', 'latin1'),
      Buffer.from([118, 0]),
      Buffer.from(header),
    ]);
    expect(() => parseNpy(bytes)).toThrow('truncated');
  });

  it('refuses 64-bit integers that a number cannot hold', () => {
    const bytes = formatNpy({ kind: 'numeric', dtype: 'i8', shape: [1], data: Float64Array.of(1) });
    bytes.fill(0x7f, bytes.length - 8);
    expect(() => parseNpy(bytes)).toThrow('out of range');
  });

  it('never fails otherwise than with a DataError', () => {
    const valid = formatNpy({ kind: 'text', shape: [2, 1], data: ['ab', 'c'] });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 6 }),
        fc.nat(valid.length),
        (edits, length) => {
          const damaged = valid.slice(0, length);
          for (const [at, value] of edits) if (at < length) damaged[at] = value;
          try {
            parseNpy(damaged);
          } catch (error) {
            expect(error).toBeInstanceOf(DataError);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
