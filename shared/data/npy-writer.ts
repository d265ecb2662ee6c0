/** Writes arrays as .npy files of version 1.0 (`numpy.lib.format`): little-endian, C order. */
import { DataError } from '../errors.ts';
import {
  HOST_LITTLE,
  ITEM_BYTES,
  MAGIC,
  swapBytes,
  type NpyArray,
  type NumericDType,
  type NumericNpy,
} from './npy.ts';

/** numpy.lib.format: the data start at a multiple of 64 bytes. */
const ALIGNMENT = 64;

function descrOf(dtype: NumericDType): string {
  if (dtype === 'bool') return '|b1';
  return `${ITEM_BYTES[dtype] === 1 ? '|' : '<'}${dtype}`;
}

function shapeText(shape: readonly number[]): string {
  return shape.length === 1 ? `(${String(shape[0])},)` : `(${shape.join(', ')})`;
}

function numericBytes(array: NumericNpy): Uint8Array {
  const data =
    array.dtype === 'i8'
      ? BigInt64Array.from(Array.from(array.data, BigInt))
      : array.dtype === 'u8'
        ? BigUint64Array.from(Array.from(array.data, BigInt))
        : array.data;
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  if (!HOST_LITTLE) swapBytes(Buffer.from(bytes.buffer), ITEM_BYTES[array.dtype]);
  return bytes;
}

function textBytes(data: readonly string[]): { descr: string; bytes: Uint8Array } {
  const texts = data.map((text) => Array.from(text, (character) => character.codePointAt(0) ?? 0));
  const characters = texts.reduce((longest, text) => Math.max(longest, text.length), 1);
  const bytes = new Uint8Array(texts.length * characters * 4);
  const view = new DataView(bytes.buffer);
  texts.forEach((text, i) => {
    text.forEach((point, j) => {
      view.setUint32((i * characters + j) * 4, point, true);
    });
  });
  return { descr: `<U${String(characters)}`, bytes };
}

/** The bytes of a version 1.0 file, little-endian, C order. @throws DataError when shape and data do not fit. */
export function formatNpy(array: NpyArray): Uint8Array {
  const count = array.shape.reduce((a, b) => a * b, 1);
  if (count !== array.data.length)
    throw new DataError(
      `shape (${array.shape.join(', ')}) does not hold ${String(array.data.length)} values`,
    );
  const { descr, bytes } =
    array.kind === 'text'
      ? textBytes(array.data)
      : { descr: descrOf(array.dtype), bytes: numericBytes(array) };
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': ${shapeText(array.shape)}, }`;
  const padded = Math.ceil((MAGIC.length + 4 + dict.length + 1) / ALIGNMENT) * ALIGNMENT;
  const header = `${dict.padEnd(padded - MAGIC.length - 5)}\n`;
  const out = new Uint8Array(padded + bytes.length);
  out.set(MAGIC);
  out.set([1, 0, header.length & 0xff, header.length >>> 8], MAGIC.length);
  out.set(Buffer.from(header, 'latin1'), MAGIC.length + 4);
  out.set(bytes, padded);
  return out;
}
