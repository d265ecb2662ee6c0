/** Small helpers on bytes that every primitive needs. */
import { CryptoError } from './crypto-error.ts';

const HEX = /^(?:[0-9a-f]{2})*$/;

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

/** @throws CryptoError unless `text` is lower-case hexadecimal of an even length. */
export function fromHex(text: string): Uint8Array {
  if (!HEX.test(text)) throw new CryptoError('expected an even number of lower-case hexadecimal digits');
  return Uint8Array.from(Buffer.from(text, 'hex'));
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/** @throws CryptoError naming `what` when the length differs. */
export function requireLength(bytes: Uint8Array, length: number, what: string): void {
  if (bytes.length !== length)
    throw new CryptoError(`${what} has ${String(bytes.length)} bytes; expected ${String(length)}`);
}

/** Overwrites a secret. The engine may have copied it before; this shortens its life and promises no more. */
export function wipe(...secrets: readonly Uint8Array[]): void {
  for (const secret of secrets) secret.fill(0);
}
