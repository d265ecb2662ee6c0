/**
 * Vectors modulo 2^bits. Typed arrays wrap by themselves, which is the modular reduction; on the wire their elements are
 * little-endian.
 */
import { endianness } from 'node:os';
import { InvariantError } from '../errors.ts';

export const RING_BITS = [32, 16, 8] as const;
export type RingBits = (typeof RING_BITS)[number];
export type RingVector = Uint32Array | Uint16Array | Uint8Array;

const IS_LITTLE_ENDIAN = endianness() === 'LE';

export function newRingVector(bits: RingBits, length: number): RingVector {
  switch (bits) {
    case 32:
      return new Uint32Array(length);
    case 16:
      return new Uint16Array(length);
    case 8:
      return new Uint8Array(length);
  }
}

/** Elements on memory that stands elsewhere, such as memory shared between threads. `byteOffset` must be aligned. */
export function ringView(
  bits: RingBits,
  memory: ArrayBufferLike,
  byteOffset: number,
  length: number,
): RingVector {
  switch (bits) {
    case 32:
      return new Uint32Array(memory, byteOffset, length);
    case 16:
      return new Uint16Array(memory, byteOffset, length);
    case 8:
      return new Uint8Array(memory, byteOffset, length);
  }
}

export function ringBitsOf(vector: RingVector): RingBits {
  if (vector instanceof Uint32Array) return 32;
  return vector instanceof Uint16Array ? 16 : 8;
}

/** @throws InvariantError unless both are of one ring and one length. */
function requireAlike(target: RingVector, other: RingVector): void {
  const [a, b] = [ringBitsOf(target), ringBitsOf(other)];
  if (a !== b || target.length !== other.length)
    throw new InvariantError(
      `a vector of ${String(other.length)} elements of ${String(b)} bits meets one of ${String(target.length)} of ${String(a)}`,
    );
}

/** target += other. @throws InvariantError unless both are of one ring and one length. */
export function addInto(target: RingVector, other: RingVector): void {
  requireAlike(target, other);
  addWords(target, other, 1);
}

/** target −= other. @throws InvariantError unless both are of one ring and one length. */
export function subtractInto(target: RingVector, other: RingVector): void {
  requireAlike(target, other);
  addWords(target, other, -1);
}

/** One loop a ring and a sign: each stays on one kind of array and on whole numbers, which is what makes it fast. */
function addWords(target: RingVector, other: RingVector, sign: 1 | -1): void {
  if (target instanceof Uint32Array && other instanceof Uint32Array)
    (sign === 1 ? add32 : subtract32)(signedView(target), signedView(other));
  else if (target instanceof Uint16Array && other instanceof Uint16Array)
    (sign === 1 ? add16 : subtract16)(target, other);
  else if (target instanceof Uint8Array && other instanceof Uint8Array)
    (sign === 1 ? add8 : subtract8)(target, other);
}

/** The same bits: sums of 32-bit signed integers stay out of floating point. */
const signedView = (words: Uint32Array): Int32Array =>
  new Int32Array(words.buffer, words.byteOffset, words.length);

function add32(target: Int32Array, other: Int32Array): void {
  for (let i = 0; i < target.length; i++) target[i] = ((target[i] ?? 0) + (other[i] ?? 0)) | 0;
}

function subtract32(target: Int32Array, other: Int32Array): void {
  for (let i = 0; i < target.length; i++) target[i] = ((target[i] ?? 0) - (other[i] ?? 0)) | 0;
}

function add16(target: Uint16Array, other: Uint16Array): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] ?? 0) + (other[i] ?? 0);
}

function subtract16(target: Uint16Array, other: Uint16Array): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] ?? 0) - (other[i] ?? 0);
}

function add8(target: Uint8Array, other: Uint8Array): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] ?? 0) + (other[i] ?? 0);
}

function subtract8(target: Uint8Array, other: Uint8Array): void {
  for (let i = 0; i < target.length; i++) target[i] = (target[i] ?? 0) - (other[i] ?? 0);
}

/** The bytes of a vector as they lie in memory. */
export function memoryOf(vector: RingVector): Uint8Array {
  return new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
}

/** Turns the bytes of every element round, in place. */
function swapElements(bytes: Uint8Array, elementBytes: number): Uint8Array {
  for (let start = 0; start < bytes.length; start += elementBytes)
    bytes.subarray(start, start + elementBytes).reverse();
  return bytes;
}

/** A copy, little-endian. */
export function ringToBytes(vector: RingVector): Uint8Array {
  const bytes = memoryOf(vector).slice();
  return IS_LITTLE_ENDIAN ? bytes : swapElements(bytes, vector.BYTES_PER_ELEMENT);
}

export function ringByteLength(bits: RingBits, length: number): number {
  return (bits / 8) * length;
}

/** The vector of little-endian bytes, or undefined when they are not exactly `length` elements. Every bit pattern is an element. */
export function ringFromBytes(bytes: Uint8Array, bits: RingBits, length: number): RingVector | undefined {
  if (bytes.length !== ringByteLength(bits, length)) return undefined;
  const vector = newRingVector(bits, length);
  const memory = memoryOf(vector);
  memory.set(bytes);
  if (!IS_LITTLE_ENDIAN) swapElements(memory, bits / 8);
  return vector;
}

/**
 * Adds (or subtracts) little-endian bytes to the elements from `offset` on: a mask or an upload, piece by piece and
 * without a copy where they are aligned.
 * @throws InvariantError unless the bytes are whole elements inside the target.
 */
export function addBytesAt(target: RingVector, offset: number, bytes: Uint8Array, sign: 1 | -1 = 1): void {
  const width = target.BYTES_PER_ELEMENT;
  const count = bytes.length / width;
  if (!Number.isInteger(count) || offset < 0 || offset + count > target.length)
    throw new InvariantError(`${String(bytes.length)} bytes do not fit at element ${String(offset)}`);
  const source = IS_LITTLE_ENDIAN ? bytes : swapElements(bytes.slice(), width);
  addWords(target.subarray(offset, offset + count), wordsOf(source, ringBitsOf(target)), sign);
}

function wordsOf(bytes: Uint8Array, bits: RingBits): RingVector {
  const { buffer, byteOffset, length } = bytes.byteOffset % (bits / 8) === 0 ? bytes : bytes.slice();
  return ringView(bits, buffer, byteOffset, length / (bits / 8));
}
