/** What two people read to each other to see that they have the same key. */
import { toHex } from './bytes.ts';
import { sha512 } from './hash.ts';

const FINGERPRINT_BYTES = 16;

/** The first 128 bits of SHA-512 over the key: eight groups of four hexadecimal digits. */
export function fingerprintOf(publicKey: Uint8Array): string {
  const digits = toHex(sha512(publicKey).subarray(0, FINGERPRINT_BYTES));
  return digits.match(/.{4}/g)?.join(' ') ?? digits;
}
