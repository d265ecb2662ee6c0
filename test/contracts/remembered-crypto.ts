/**
 * The primitives of `shared/crypto` with a memory, for tables of thousands of federations: the sites of every one draw the
 * same secrets, so that what was computed for one is known in the next. Nothing is replaced by something simpler: every
 * value is the real one. To be put in the place of the modules with `vi.mock`.
 */
import { createHash } from 'node:crypto';
import type * as Ed25519 from '../../shared/crypto/ed25519-native.ts';
import type * as Random from '../../shared/crypto/random.ts';
import type * as SealedBox from '../../shared/crypto/sealed-box.ts';
import type * as X25519 from '../../shared/crypto/x25519-native.ts';
import type * as Shares from '../../shared/secagg/shares.ts';

/** What is common to all federations of a table is found again soon; more would only be moved about. */
const MAX_ENTRIES = 20_000;

const nameOf = (...parts: readonly Uint8Array[]): string =>
  parts.map((part) => Buffer.from(part).toString('latin1')).join('|');

function remember<A extends readonly Uint8Array[], T>(compute: (...parts: A) => T): typeof compute {
  const known = new Map<string, T>();
  return (...parts) => {
    const name = nameOf(...parts);
    if (known.has(name)) return known.get(name) as T; // `has` has said so; T may hold undefined.
    const value = compute(...parts);
    if (known.size >= MAX_ENTRIES) known.clear();
    known.set(name, value);
    return value;
  };
}

export function rememberedEd25519(actual: typeof Ed25519): typeof Ed25519 {
  const verified = remember((key: Uint8Array, message: Uint8Array, signature: Uint8Array) =>
    actual.verifyEd25519(key, message, signature),
  );
  return {
    signerOf: (secretKey) => {
      const signer = actual.signerOf(secretKey);
      const signed = remember((message: Uint8Array) => signer.sign(message));
      return { sign: (message) => signed(message).slice() };
    },
    verifyEd25519: (key, message, signature) => verified(key, message, signature),
  };
}

export function rememberedX25519(actual: typeof X25519): typeof X25519 {
  const shared = remember((secret: Uint8Array, key: Uint8Array) => actual.x25519Of(secret)(key));
  // A copy: its owner wipes it.
  return { x25519Of: (secretKey) => (publicKey) => shared(secretKey, publicKey)?.slice() };
}

/** A box for the same key with the same content is the same box: these tests are not about who reads it. */
export function rememberedBoxes(actual: typeof SealedBox): typeof SealedBox {
  const sealed = remember((key: Uint8Array, plaintext: Uint8Array) => actual.seal(key, plaintext));
  const opened = remember((publicKey: Uint8Array, secretKey: Uint8Array, box: Uint8Array) =>
    actual.openSealed({ publicKey: publicKey, secretKey: secretKey }, box),
  );
  return {
    ...actual,
    seal: (key, plaintext) => sealed(key, plaintext).slice(),
    openSealed: ({ publicKey, secretKey }, box) => opened(publicKey, secretKey, box)?.slice(),
  };
}

export function rememberedShares(actual: typeof Shares): typeof Shares {
  const split = remember((secret: Uint8Array, numbers: Uint8Array) =>
    actual.splitSecret(secret, numbers[0] ?? 0, numbers[1] ?? 0),
  );
  return {
    ...actual,
    splitSecret: async (secret, n, threshold) =>
      (await split(secret, Uint8Array.of(n, threshold))).map((share) => share.slice()),
  };
}

/** How many secrets were drawn since `restartSecrets`. */
let drawn = 0;

/** From now on the same secrets come again. */
export function restartSecrets(): void {
  drawn = 0;
}

export function repeatedRandom(actual: typeof Random): typeof Random {
  return {
    ...actual,
    secureRandom: (byteLength) => {
      const digest = createHash('sha512').update(`secret ${String(drawn++)}`);
      return Uint8Array.from(digest.digest().subarray(0, byteLength));
    },
  };
}
