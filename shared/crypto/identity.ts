/**
 * Long-term identities: Ed25519 (RFC 8032 §5.1) with keys from tweetnacl, which accepts the malleable signature
 * (R, S + L) beside (R, S); RFC 8032 §5.1.7 demands S < L, so that is checked here first. Even so nothing may be
 * deduplicated by signature bytes: a signer can make many signatures of one message.
 */
import nacl from 'tweetnacl';
import { requireLength, wipe } from './bytes.ts';
import { CryptoError } from './crypto-error.ts';
import { signerOf, verifyEd25519, type Ed25519 } from './ed25519-native.ts';

export const ED25519_PUBLIC_KEY_BYTES = 32;
export const ED25519_SIGNATURE_BYTES = 64;
export const ED25519_SEED_BYTES = 32;

/** L = 2²⁵² + 27742317777372353535851937790883648493, little-endian (RFC 8032 §5.1). */
const GROUP_ORDER = Uint8Array.from([
  0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0,
  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
]);

/** Whether the little-endian number is below the group order. */
function isCanonicalScalar(scalar: Uint8Array): boolean {
  for (let i = GROUP_ORDER.length - 1; i >= 0; i--) {
    const difference = (scalar[i] ?? 0) - (GROUP_ORDER[i] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** A signer whose secret stays inside the closure. */
export interface Identity {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes, R ‖ S. */
  sign(message: Uint8Array): Uint8Array;
  /** Overwrites the secret; later signatures throw. */
  dispose(): void;
}

function identityOf(pair: nacl.SignKeyPair): Identity {
  let signer: Ed25519 | undefined = signerOf(pair.secretKey);
  return {
    publicKey: pair.publicKey,
    sign(message) {
      if (!signer) throw new CryptoError('this identity has been disposed of');
      return signer.sign(message);
    },
    dispose() {
      wipe(pair.secretKey);
      signer = undefined;
    },
  };
}

/** A fresh identity from the operating system's generator. */
export function createIdentity(): Identity {
  return identityOf(nacl.sign.keyPair());
}

/** The identity of a 32-byte seed. @throws CryptoError for another length. */
export function identityFromSeed(seed: Uint8Array): Identity {
  requireLength(seed, ED25519_SEED_BYTES, 'Ed25519 seed');
  return identityOf(nacl.sign.keyPair.fromSeed(seed));
}

/** False for a wrong, truncated or malleable signature; never throws. */
export function verifySignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== ED25519_PUBLIC_KEY_BYTES) return false;
  if (signature.length !== ED25519_SIGNATURE_BYTES) return false;
  if (!isCanonicalScalar(signature.subarray(32))) return false;
  return verifyEd25519(publicKey, message, signature);
}
