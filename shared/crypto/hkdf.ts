/**
 * HKDF with SHA-512 (RFC 5869 §2), by `node:crypto`. The salt is empty: the secrets here are shared secrets of X25519 or
 * random, and what separates their uses is `info`.
 */
import { hkdfSync } from 'node:crypto';
import { CryptoError } from './crypto-error.ts';

/** RFC 5869 §2.3: 255 blocks of the hash. */
const MAX_OUTPUT_BYTES = 255 * 64;
/** What `node:crypto` takes. */
const MAX_INFO_BYTES = 1024;

/** @throws CryptoError for an empty secret, an `info` above 1024 bytes or a length outside 1…16320. */
export function hkdf(secret: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  if (secret.length === 0) throw new CryptoError('HKDF needs a secret; it got 0 bytes');
  if (info.length > MAX_INFO_BYTES)
    throw new CryptoError(`HKDF takes at most 1024 bytes of info; it got ${String(info.length)}`);
  if (!Number.isInteger(length) || length < 1 || length > MAX_OUTPUT_BYTES)
    throw new CryptoError(`HKDF gives 1 to 16320 bytes, not ${String(length)}`);
  return new Uint8Array(hkdfSync('sha512', secret, new Uint8Array(0), info, length));
}
