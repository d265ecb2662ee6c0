/**
 * The mask generator: AES-256 in counter mode (NIST SP 800-38A §6.5) over zeros, by `node:crypto`. The counter starts at
 * zero: a seed is used for one mask of one round, so no key stream is ever used twice.
 */
import { createCipheriv } from 'node:crypto';
import { requireLength } from './bytes.ts';
import { CryptoError } from './crypto-error.ts';

export const MASK_SEED_BYTES = 32;
/** The most one call of `next` gives: fits the second-level cache together with what it is added to. */
export const MASK_PIECE_BYTES = 1 << 16;
const BLOCK_BYTES = 16;
/** Never written to. */
const zeros = new Uint8Array(MASK_PIECE_BYTES);

export interface MaskStream {
  /** The next `length` (≤ `MASK_PIECE_BYTES`) bytes of the stream, in a buffer of their own. */
  next(length: number): Uint8Array<ArrayBuffer>;
}

/** The counter block of a position, big-endian. */
function counterBlock(block: number): Uint8Array {
  const counter = new Uint8Array(BLOCK_BYTES);
  new DataView(counter.buffer).setBigUint64(8, BigInt(block));
  return counter;
}

/** The key stream of AES-256 in counter mode from a first counter block (16 bytes) on. */
export function aesCtrStream(key: Uint8Array, counter: Uint8Array): MaskStream {
  const cipher = createCipheriv('aes-256-ctr', key, counter);
  return {
    next(length) {
      if (length > MASK_PIECE_BYTES)
        throw new CryptoError(`one piece of a mask has at most ${String(MASK_PIECE_BYTES)} bytes`);
      const piece = cipher.update(length === MASK_PIECE_BYTES ? zeros : zeros.subarray(0, length));
      const { buffer, byteOffset } = piece;
      // Words are read from it, and those have to be aligned.
      return buffer instanceof ArrayBuffer && byteOffset % 4 === 0
        ? new Uint8Array(buffer, byteOffset, length)
        : Uint8Array.from(piece);
    },
  };
}

/**
 * The mask of `seed` (32 bytes) from byte `start` (a multiple of 16) on.
 * @throws CryptoError for another length or start.
 */
export function maskStream(seed: Uint8Array, start = 0): MaskStream {
  requireLength(seed, MASK_SEED_BYTES, 'mask seed');
  if (!Number.isSafeInteger(start) || start < 0 || start % BLOCK_BYTES !== 0)
    throw new CryptoError(`a mask stream starts at a multiple of 16 bytes, not at ${String(start)}`);
  return aesCtrStream(seed, counterBlock(start / BLOCK_BYTES));
}
