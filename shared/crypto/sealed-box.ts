/**
 * Confidential payloads: a NaCl box (crypto_box, curve25519xsalsa20poly1305; Bernstein 2009, "Cryptography in
 * NaCl", §9–§10) from a key pair that lives for one message to the recipient's key. Who sent it is said by the
 * signature over the sealed bytes, not by the box.
 *
 * Layout: ephemeral public key (32) ‖ nonce (24) ‖ Poly1305 tag (16) ‖ ciphertext.
 */
import nacl from 'tweetnacl';
import { boxKey, createAgreementKeyPair, X25519_KEY_BYTES, type AgreementKeyPair } from './agreement.ts';
import { concatBytes, wipe } from './bytes.ts';
import { CryptoError } from './crypto-error.ts';

const NONCE_BYTES = 24;
const TAG_BYTES = 16;
/** What sealing adds to a plaintext. */
export const SEAL_OVERHEAD_BYTES = X25519_KEY_BYTES + NONCE_BYTES + TAG_BYTES;

/** @throws CryptoError when the recipient's key is malformed or of low order. */
export function seal(recipientPublicKey: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const ephemeral = createAgreementKeyPair();
  const key = boxKey(ephemeral.secretKey, recipientPublicKey);
  const nonce = nacl.randomBytes(NONCE_BYTES);
  const box = nacl.box.after(plaintext, nonce, key);
  wipe(key, ephemeral.secretKey);
  return concatBytes(ephemeral.publicKey, nonce, box);
}

/** The plaintext, or undefined when the bytes were not sealed for this key or were changed on the way. */
export function openSealed(recipient: AgreementKeyPair, sealed: Uint8Array): Uint8Array | undefined {
  if (sealed.length < SEAL_OVERHEAD_BYTES) return undefined;
  const sender = sealed.subarray(0, X25519_KEY_BYTES);
  const nonce = sealed.subarray(X25519_KEY_BYTES, X25519_KEY_BYTES + NONCE_BYTES);
  const box = sealed.subarray(X25519_KEY_BYTES + NONCE_BYTES);
  let key: Uint8Array;
  try {
    key = boxKey(recipient.secretKey, sender);
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
  const plaintext = nacl.box.open.after(box, nonce, key);
  wipe(key);
  return plaintext ?? undefined;
}
