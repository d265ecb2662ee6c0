/**
 * Authenticated encryption under a shared key: NaCl's crypto_secretbox, XSalsa20 and Poly1305 (Bernstein 2009,
 * "Cryptography in NaCl", §9–§10), through tweetnacl.
 *
 * Layout: Poly1305 tag (16) ‖ ciphertext. A key and a nonce belong to one message.
 */
import nacl from 'tweetnacl';
import { requireLength } from './bytes.ts';

export const SECRET_BOX_KEY_BYTES = 32;
export const SECRET_BOX_NONCE_BYTES = 24;
/** What sealing adds to a plaintext. */
export const SECRET_BOX_OVERHEAD_BYTES = 16;

function checkLengths(key: Uint8Array, nonce: Uint8Array): void {
  requireLength(key, SECRET_BOX_KEY_BYTES, 'secret box key');
  requireLength(nonce, SECRET_BOX_NONCE_BYTES, 'secret box nonce');
}

/** @throws CryptoError unless the key has 32 bytes and the nonce 24. */
export function sealSecretBox(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array): Uint8Array {
  checkLengths(key, nonce);
  return nacl.secretbox(plaintext, nonce, key);
}

/** The plaintext, or undefined when the bytes were made under another key or nonce, cut short or changed. @throws CryptoError as above */
export function openSecretBox(
  key: Uint8Array,
  nonce: Uint8Array,
  sealed: Uint8Array,
): Uint8Array | undefined {
  checkLengths(key, nonce);
  if (sealed.length < SECRET_BOX_OVERHEAD_BYTES) return undefined;
  return nacl.secretbox.open(sealed, nonce, key) ?? undefined;
}
