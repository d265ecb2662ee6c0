/**
 * Ed25519 by `node:crypto`: forty times the speed of tweetnacl's. Signatures are deterministic (RFC 8032 §5.1.6), so both
 * must give the same bytes; that is tried once at start, and where it is not so tweetnacl is used.
 */
import { createPrivateKey, createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import nacl from 'tweetnacl';
import { concatBytes } from './bytes.ts';

/** PKCS #8 and SPKI wrappers of a raw Ed25519 seed and public key (RFC 8410 §4 and §7). */
const PRIVATE_PREFIX = Uint8Array.from(Buffer.from('302e020100300506032b657004220420', 'hex'));
const PUBLIC_PREFIX = Uint8Array.from(Buffer.from('302a300506032b6570032100', 'hex'));

export interface Ed25519 {
  /** 64 bytes. */
  sign(message: Uint8Array): Uint8Array;
}

function privateKeyOf(seed: Uint8Array): KeyObject {
  const key = concatBytes(PRIVATE_PREFIX, seed);
  const object = createPrivateKey({ key: Buffer.from(key.buffer), format: 'der', type: 'pkcs8' });
  key.fill(0);
  return object;
}

/** Reading a key takes longer than verifying with it; a federation has few, and they come back in every message. */
const publicKeys = new Map<string, KeyObject>();
const MAX_PUBLIC_KEYS = 2048;

function publicKeyOf(bytes: Uint8Array): KeyObject {
  const name = Buffer.from(bytes).toString('latin1');
  const known = publicKeys.get(name);
  if (known) return known;
  const der = Buffer.from(concatBytes(PUBLIC_PREFIX, bytes));
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  if (publicKeys.size >= MAX_PUBLIC_KEYS) publicKeys.clear();
  publicKeys.set(name, key);
  return key;
}

function nativeVerify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  return verify(null, message, publicKeyOf(publicKey), signature);
}

/** Whether this Node signs and verifies exactly as tweetnacl does. */
function agreesWithTweetnacl(): boolean {
  try {
    const seed = new Uint8Array(32).fill(7);
    const message = Uint8Array.of(1, 2, 3);
    const pair = nacl.sign.keyPair.fromSeed(seed);
    const reference = nacl.sign.detached(message, pair.secretKey);
    const native = Uint8Array.from(sign(null, message, privateKeyOf(seed)));
    return nacl.verify(native, reference) && nativeVerify(pair.publicKey, message, reference);
  } catch {
    return false;
  }
}

const isNative = agreesWithTweetnacl();

/** `secretKey`: tweetnacl's 64 bytes, seed ‖ public key; must stay as it is while the signer is used. */
export function signerOf(secretKey: Uint8Array): Ed25519 {
  if (!isNative) return { sign: (message) => nacl.sign.detached(message, secretKey) };
  const key = privateKeyOf(secretKey.subarray(0, 32));
  return { sign: (message) => Uint8Array.from(sign(null, message, key)) };
}

/** Lengths and the range of S are the caller's to check. */
export function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  return isNative
    ? nativeVerify(publicKey, message, signature)
    : nacl.sign.detached.verify(message, signature, publicKey);
}
