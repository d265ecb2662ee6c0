/**
 * X25519 by `node:crypto`: ten times the speed of tweetnacl's and more. The function is deterministic (RFC 7748 §5), so both
 * must give the same bytes; that is tried once at start, and where it is not so tweetnacl is used.
 */
import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto';
import nacl from 'tweetnacl';
import { concatBytes, wipe } from './bytes.ts';

/** PKCS #8 wrapper of a raw X25519 secret key (RFC 8410 §7). */
const PRIVATE_PREFIX = Uint8Array.from(Buffer.from('302e020100300506032b656e04220420', 'hex'));

/** The X25519 function of one secret key; zeros or undefined for a point of low order. */
export type X25519 = (publicKey: Uint8Array) => Uint8Array | undefined;

function privateKeyOf(secretKey: Uint8Array): KeyObject {
  const der = Buffer.from(concatBytes(PRIVATE_PREFIX, secretKey).buffer);
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  wipe(der);
  return key;
}

/** As a JSON Web Key (RFC 8037 §2), which is read seven times as fast as DER. Not for secrets: strings cannot be wiped. */
function publicKeyOf(publicKey: Uint8Array): KeyObject {
  const x = Buffer.from(publicKey).toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' });
}

function nativeX25519(secretKey: Uint8Array): X25519 {
  const privateKey = privateKeyOf(secretKey);
  return (bytes) => {
    const publicKey = publicKeyOf(bytes);
    let secret: Buffer;
    try {
      secret = diffieHellman({ privateKey, publicKey });
    } catch {
      // OpenSSL fails for a point of low order instead of giving zeros.
      return undefined;
    }
    const shared = Uint8Array.from(secret);
    wipe(secret);
    return shared;
  };
}

/** Whether this Node agrees exactly as tweetnacl does, also for a key whose highest bit is set (RFC 7748 §5: masked). */
function agreesWithTweetnacl(): boolean {
  try {
    const secretKey = new Uint8Array(32).fill(7);
    const native = nativeX25519(secretKey);
    const publicKeys = [nacl.scalarMult.base(new Uint8Array(32).fill(9)), new Uint8Array(32).fill(0xf5)];
    return publicKeys.every((publicKey) =>
      nacl.verify(native(publicKey) ?? new Uint8Array(32), nacl.scalarMult(secretKey, publicKey)),
    );
  } catch {
    return false;
  }
}

const isNative = agreesWithTweetnacl();

/** Lengths are the caller's to check. tweetnacl reads the secret key at every call: it has to stay until then. */
export function x25519Of(secretKey: Uint8Array): X25519 {
  return isNative ? nativeX25519(secretKey) : (publicKey) => nacl.scalarMult(secretKey, publicKey);
}
