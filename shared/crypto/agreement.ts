/**
 * X25519 key agreement (RFC 7748 §5 and §6.1), with keys from tweetnacl. A low-order public key makes the shared secret
 * all zeros, whatever the secret key is; tweetnacl returns it silently, so it is refused here (RFC 7748 §6.1, last
 * paragraph).
 */
import nacl from 'tweetnacl';
import { requireLength, wipe } from './bytes.ts';
import { CryptoError } from './crypto-error.ts';
import { x25519Of } from './x25519-native.ts';

export const X25519_KEY_BYTES = 32;

export interface AgreementKeyPair {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 32 bytes; wiped by its owner after use. */
  readonly secretKey: Uint8Array;
}

/** A fresh pair from the operating system's generator. */
export function createAgreementKeyPair(): AgreementKeyPair {
  return nacl.box.keyPair();
}

const isZero = (bytes: Uint8Array): boolean => bytes.reduce((all, byte) => all | byte, 0) === 0;

/** Shared secrets of one secret key with many public keys. @throws CryptoError as `agree` */
export type Agreement = (publicKey: Uint8Array) => Uint8Array;

/**
 * Reading a secret key takes several times as long as agreeing with it: for many peers do it once. The secret key has to
 * stay until the last agreement; what OpenSSL keeps of it lives as long as the function.
 * @throws CryptoError unless the key has 32 bytes
 */
export function agreementOf(secretKey: Uint8Array): Agreement {
  requireLength(secretKey, X25519_KEY_BYTES, 'X25519 secret key');
  const x25519 = x25519Of(secretKey);
  return (publicKey) => {
    requireLength(publicKey, X25519_KEY_BYTES, 'X25519 public key');
    const shared = x25519(publicKey);
    if (!shared || isZero(shared)) throw new CryptoError('the public key is a point of low order');
    return shared;
  };
}

/** @throws CryptoError when a key is not 32 bytes or the public key is a point of low order. */
export function agree(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  return agreementOf(secretKey)(publicKey);
}

/** u = 9 (RFC 7748 §4.1). */
const BASE_POINT = Uint8Array.from({ length: X25519_KEY_BYTES }, (_, i) => (i === 0 ? 9 : 0));

/** The public key of a secret key. @throws CryptoError unless it has 32 bytes. */
export function agreementPublicKey(secretKey: Uint8Array): Uint8Array {
  return agree(secretKey, BASE_POINT);
}

const anySecret = new Uint8Array(X25519_KEY_BYTES).fill(1);
/** HSalsa20 of the all-zero shared secret: what `nacl.box.before` gives for every point of low order. */
const keyOfZeroSecret = nacl.box.before(new Uint8Array(X25519_KEY_BYTES), anySecret);

/** The key of a NaCl box, HSalsa20(X25519). @throws CryptoError as `agree`. */
export function boxKey(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  requireLength(secretKey, X25519_KEY_BYTES, 'X25519 secret key');
  requireLength(publicKey, X25519_KEY_BYTES, 'X25519 public key');
  const key = nacl.box.before(publicKey, secretKey);
  if (nacl.verify(key, keyOfZeroSecret)) {
    wipe(key);
    throw new CryptoError('the public key is a point of low order');
  }
  return key;
}
