/**
 * Arrays in NumPy's .npy files, versions 1.0, 2.0 and 3.0.
 * Format: NumPy Enhancement Proposal 1 and `numpy.lib.format` (header: magic, version, length, a Python dict literal).
 * Untrusted input: sizes are checked before anything is allocated, and pickled objects are refused, never decoded.
 */
import { endianness } from 'node:os';
import { DataError } from '../errors.ts';

export type NumericDType = 'bool' | 'u1' | 'i1' | 'u2' | 'i2' | 'u4' | 'i4' | 'u8' | 'i8' | 'f4' | 'f8';

export type NumericData =
  Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array | Float64Array;

/** Row-major (C order), whatever the file's order was. 64-bit integers come as Float64Array of safe integers; bool as 0 or 1. */
export interface NumericNpy {
  readonly kind: 'numeric';
  readonly dtype: NumericDType;
  readonly shape: readonly number[];
  readonly data: NumericData;
}

export interface TextNpy {
  readonly kind: 'text';
  readonly shape: readonly number[];
  readonly data: readonly string[];
}

export type NpyArray = NumericNpy | TextNpy;

export const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** NumPy itself refuses longer headers of untrusted files beyond 10 000 characters; ours name one plain type. */
const MAX_HEADER_BYTES = 65_536;
export const HOST_LITTLE = endianness() === 'LE';
export const ITEM_BYTES: Readonly<Record<NumericDType, number>> = {
  bool: 1,
  u1: 1,
  i1: 1,
  u2: 2,
  i2: 2,
  u4: 4,
  i4: 4,
  u8: 8,
  i8: 8,
  f4: 4,
  f8: 8,
};

type ElementType =
  | { readonly kind: 'numeric'; readonly dtype: NumericDType; readonly itemBytes: number }
  | { readonly kind: 'unicode' | 'ascii'; readonly characters: number; readonly itemBytes: number };

interface Header {
  readonly type: ElementType;
  readonly little: boolean;
  readonly fortran: boolean;
  readonly shape: readonly number[];
  readonly count: number;
  readonly dataOffset: number;
}

function parseDescr(descr: string): { type: ElementType; little: boolean } {
  const match = /^([<>|=]?)([a-zA-Z])(\d{1,9})$/.exec(descr);
  const order = match?.[1] ?? '';
  const code = match?.[2] ?? '';
  const size = Number(match?.[3] ?? Number.NaN);
  const little = order === '=' || order === '' ? HOST_LITTLE : order !== '>';
  if (code === 'U') return { type: { kind: 'unicode', characters: size, itemBytes: size * 4 }, little };
  if (code === 'S') return { type: { kind: 'ascii', characters: size, itemBytes: size }, little };
  const wanted = code === 'b' ? 'bool' : `${code}${String(size)}`;
  const dtype = Object.keys(ITEM_BYTES).find((name): name is NumericDType => name === wanted);
  if (dtype === undefined || (code === 'b' && size !== 1)) {
    const reason = descr.includes('O')
      ? 'Python objects (pickle) are not read'
      : 'use integers, float32, float64, bool or text';
    throw new DataError(`type "${descr}" is not supported: ${reason}`);
  }
  return { type: { kind: 'numeric', dtype, itemBytes: ITEM_BYTES[dtype] }, little };
}

function parseShape(text: string): number[] {
  const sizes = text.split(',').map((part) => part.trim());
  if (sizes.at(-1) === '') sizes.pop();
  return sizes.map((size) => {
    const value = /^\d{1,15}L?$/.test(size) ? Number.parseInt(size, 10) : Number.NaN;
    if (!Number.isSafeInteger(value)) throw new DataError(`shape "(${text})" is not a tuple of sizes`);
    return value;
  });
}

function headerText(bytes: Uint8Array): { text: string; dataOffset: number } {
  if (bytes.length < 10 || MAGIC.some((byte, i) => bytes[i] !== byte))
    throw new DataError('not an .npy array (the magic bytes are missing)');
  const major = bytes[6] ?? 0;
  if (major < 1 || major > 3)
    throw new DataError(`.npy version ${String(major)} is not supported (1 to 3 are)`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (major > 1 && bytes.length < 12) throw new DataError('the file is truncated in its header');
  const start = major === 1 ? 10 : 12;
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_HEADER_BYTES)
    throw new DataError(`the header says it has ${String(length)} bytes: too long`);
  if (start + length > bytes.length) throw new DataError('the file is truncated in its header');
  const text = Buffer.from(bytes.subarray(start, start + length)).toString(major === 3 ? 'utf8' : 'latin1');
  return { text, dataOffset: start + length };
}

function parseHeader(bytes: Uint8Array): Header {
  const { text, dataOffset } = headerText(bytes);
  const descr = /['"]descr['"]\s*:\s*['"]([^'"]{1,32})['"]/.exec(text)?.[1];
  const order = /['"]fortran_order['"]\s*:\s*(True|False)/.exec(text)?.[1];
  const shapeText = /['"]shape['"]\s*:\s*\(([^)]{0,400})\)/.exec(text)?.[1];
  if (descr === undefined || order === undefined || shapeText === undefined)
    throw new DataError('the header does not name a plain type, an order and a shape');
  const shape = parseShape(shapeText);
  const count = shape.reduce((a, b) => a * b, 1);
  return { ...parseDescr(descr), fortran: order === 'True', shape, count, dataOffset };
}

/** Multi-index order of a Fortran array: position in C order → position in the file. */
function* fortranPositions(shape: readonly number[], count: number): Generator<number> {
  const strides: number[] = [];
  shape.reduce((stride, size) => {
    strides.push(stride);
    return stride * size;
  }, 1);
  const index = shape.map(() => 0);
  let position = 0;
  for (let i = 0; i < count; i++) {
    yield position;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      const stride = strides[axis] ?? 0;
      if (next < (shape[axis] ?? 0)) {
        index[axis] = next;
        position += stride;
        break;
      }
      index[axis] = 0;
      position -= stride * (next - 1);
    }
  }
}

function toRowMajor<T extends NumericData | string[]>(data: T, header: Header): T {
  if (!header.fortran || header.shape.length < 2) return data;
  const out = data.slice();
  let i = 0;
  for (const position of fortranPositions(header.shape, header.count)) out[i++] = data[position] ?? 0;
  // `slice` gives the type it was called on; the union of typed arrays hides that from the compiler.
  return out as T;
}

/** Reverses the byte order of every item in place. */
export function swapBytes(bytes: Buffer, itemBytes: number): void {
  if (itemBytes === 2) bytes.swap16();
  else if (itemBytes === 4) bytes.swap32();
  else if (itemBytes === 8) bytes.swap64();
}

/** An aligned copy of a slice in the host's byte order. */
function hostOrder(bytes: Uint8Array, itemBytes: number, little: boolean): ArrayBuffer {
  const copy = new Uint8Array(bytes);
  if (little !== HOST_LITTLE) swapBytes(Buffer.from(copy.buffer), itemBytes);
  return copy.buffer;
}

function safeIntegers(values: BigInt64Array | BigUint64Array): Float64Array {
  return Float64Array.from(values, (value) => {
    const number = Number(value);
    if (!Number.isSafeInteger(number))
      throw new DataError(`the 64-bit integer ${String(value)} is out of range`);
    return number;
  });
}

function numericData(dtype: NumericDType, buffer: ArrayBuffer): NumericData {
  switch (dtype) {
    case 'bool':
      return new Uint8Array(buffer).map((value) => (value === 0 ? 0 : 1));
    case 'u1':
      return new Uint8Array(buffer);
    case 'i1':
      return new Int8Array(buffer);
    case 'u2':
      return new Uint16Array(buffer);
    case 'i2':
      return new Int16Array(buffer);
    case 'u4':
      return new Uint32Array(buffer);
    case 'i4':
      return new Int32Array(buffer);
    case 'u8':
      return safeIntegers(new BigUint64Array(buffer));
    case 'i8':
      return safeIntegers(new BigInt64Array(buffer));
    case 'f4':
      return new Float32Array(buffer);
    case 'f8':
      return new Float64Array(buffer);
  }
}

function textData(
  type: Extract<ElementType, { characters: number }>,
  buffer: ArrayBuffer,
  count: number,
): string[] {
  if (type.kind === 'ascii') {
    const bytes = Buffer.from(buffer);
    return Array.from({ length: count }, (_, i) =>
      bytes.toString('latin1', i * type.itemBytes, (i + 1) * type.itemBytes).replace(/\0+$/, ''),
    );
  }
  const points = new Uint32Array(buffer);
  return Array.from({ length: count }, (_, i) => {
    const item = Array.from(points.subarray(i * type.characters, (i + 1) * type.characters));
    if (item.some((point) => point > 0x10_ffff)) throw new DataError('a text holds an invalid character');
    return String.fromCodePoint(...item).replace(/\0+$/, '');
  });
}

/** Characters of one text; longer ones are no label, site or patient. */
const MAX_TEXT_LENGTH = 4096;

/**
 * The array in the bytes of one .npy file.
 * @throws DataError with the reason, without the file's name, which `readNpz` and `readNpyDataset` add.
 */
export function parseNpy(bytes: Uint8Array): NpyArray {
  const header = parseHeader(bytes);
  const { type, shape, count, little } = header;
  const neededBytes = count * type.itemBytes;
  const presentBytes = bytes.length - header.dataOffset;
  if (!Number.isSafeInteger(neededBytes) || neededBytes > presentBytes)
    throw new DataError(
      `truncated: shape (${shape.join(', ')}) needs ${String(neededBytes)} bytes, ${String(presentBytes)} are there`,
    );
  const slice = bytes.subarray(header.dataOffset, header.dataOffset + neededBytes);
  if (type.kind === 'numeric') {
    const buffer = hostOrder(slice, type.itemBytes, little);
    return {
      kind: 'numeric',
      dtype: type.dtype,
      shape,
      data: toRowMajor(numericData(type.dtype, buffer), header),
    };
  }
  // Texts of no characters take no bytes, so that their number is not bounded by the file's size.
  if (type.characters > MAX_TEXT_LENGTH || count > bytes.length)
    throw new DataError(`texts of ${String(type.characters)} characters are not supported`);
  const buffer = hostOrder(slice, type.kind === 'unicode' ? 4 : 1, little);
  return { kind: 'text', shape, data: toRowMajor(textData(type, buffer, count), header) };
}
