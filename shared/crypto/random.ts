/** Secrets, nonces and unguessable names (challenges, invitation codes, session tokens) from the operating system’s generator. */
import { randomBytes } from 'node:crypto';

/** 32 random bytes as 43 characters of base64url. */
export function randomToken(): string {
  return randomBytes(32).toString('base64url');
}

/** Secrets and nonces. */
export function secureRandom(byteLength: number): Uint8Array {
  return Uint8Array.from(randomBytes(byteLength));
}

/** 32 random bytes for a key. */
export function randomSeed(): Uint8Array {
  return Uint8Array.from(randomBytes(32));
}
