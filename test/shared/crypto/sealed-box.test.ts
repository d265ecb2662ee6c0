import nacl from 'tweetnacl';
import { describe, expect, it } from 'vitest';
import { agree, boxKey, createAgreementKeyPair } from '../../../shared/crypto/agreement.ts';
import { concatBytes, fromHex, toHex, wipe } from '../../../shared/crypto/bytes.ts';
import { sha512, sha512Hex } from '../../../shared/crypto/hash.ts';
import { openSealed, seal, SEAL_OVERHEAD_BYTES } from '../../../shared/crypto/sealed-box.ts';
import vectors from '../../vectors/crypto/vectors.json' with { type: 'json' };

const { box, lowOrderPoints, x25519 } = vectors;

describe('X25519', () => {
  it.each(x25519.cases)('agrees on the published secret $shared', ({ secretKey, publicKey, shared }) => {
    expect(toHex(agree(fromHex(secretKey), fromHex(publicKey)))).toBe(shared);
  });

  it.each(lowOrderPoints.points)(
    'refuses the point of low order %s, for which tweetnacl gives zeros',
    (point) => {
      const { secretKey } = createAgreementKeyPair();
      expect(nacl.scalarMult(secretKey, fromHex(point))).toEqual(new Uint8Array(32));
      expect(() => agree(secretKey, fromHex(point))).toThrow('low order');
      expect(() => boxKey(secretKey, fromHex(point))).toThrow('low order');
      expect(() => seal(fromHex(point), new Uint8Array(4))).toThrow('low order');
    },
  );

  it('names the key of a wrong length and never shows its bytes', () => {
    const { secretKey, publicKey } = createAgreementKeyPair();
    expect(() => agree(secretKey.subarray(1), publicKey)).toThrow(
      'X25519 secret key has 31 bytes; expected 32',
    );
    expect(() => agree(secretKey, publicKey.subarray(1))).toThrow(
      'X25519 public key has 31 bytes; expected 32',
    );
  });
});

describe('sealed boxes', () => {
  const recipient = {
    publicKey: fromHex(box.recipientPublicKey),
    secretKey: fromHex(box.recipientSecretKey),
  };

  it('opens the published NaCl box', () => {
    const sealed = concatBytes(fromHex(box.senderPublicKey), fromHex(box.nonce), fromHex(box.box));
    expect(toHex(boxKey(recipient.secretKey, fromHex(box.senderPublicKey)))).toBe(box.key);
    expect(toHex(openSealed(recipient, sealed) ?? new Uint8Array())).toBe(box.plaintext);
  });

  it('opens what it seals, with a fresh key and nonce each time', () => {
    const plaintext = Uint8Array.from({ length: 100 }, (_, i) => i);
    const first = seal(recipient.publicKey, plaintext);
    const second = seal(recipient.publicKey, plaintext);
    expect(first).toHaveLength(100 + SEAL_OVERHEAD_BYTES);
    expect(openSealed(recipient, first)).toEqual(plaintext);
    expect(toHex(first.subarray(0, 32))).not.toBe(toHex(second.subarray(0, 32)));
    expect(toHex(first.subarray(72))).not.toBe(toHex(second.subarray(72)));
  });

  it('does not open for another key, truncated, or with any byte changed', () => {
    const sealed = seal(recipient.publicKey, Uint8Array.of(1, 2, 3));
    expect(openSealed(createAgreementKeyPair(), sealed)).toBeUndefined();
    for (let length = 0; length < sealed.length; length++)
      expect(openSealed(recipient, sealed.subarray(0, length)), `length ${String(length)}`).toBeUndefined();
    for (let i = 0; i < sealed.length; i++) {
      // The highest bit of an X25519 key is not part of it (RFC 7748 §5).
      const changed = sealed.slice();
      changed[i] = (changed[i] ?? 0) ^ 1;
      expect(openSealed(recipient, changed), `byte ${String(i)}`).toBeUndefined();
    }
  });

  it('does not open a box from a point of low order', () => {
    for (const point of lowOrderPoints.points) {
      const key = boxKeyOfZeros();
      const nonce = new Uint8Array(24);
      const forged = concatBytes(fromHex(point), nonce, nacl.box.after(Uint8Array.of(1), nonce, key));
      expect(nacl.box.open.after(forged.subarray(56), nonce, key)).toEqual(Uint8Array.of(1));
      expect(openSealed(recipient, forged)).toBeUndefined();
    }
  });
});

/** What everybody can compute for a point of low order, without any secret. */
const boxKeyOfZeros = (): Uint8Array => nacl.box.before(new Uint8Array(32), new Uint8Array(32).fill(5));

describe('hashes and bytes', () => {
  it('hashes as FIPS 180-4 (the example "abc") and as tweetnacl', () => {
    const abc = new TextEncoder().encode('abc');
    expect(sha512Hex(abc)).toBe(vectors.ed25519.cases[3]?.message);
    expect(sha512(abc.subarray(0, 1), abc.subarray(1))).toEqual(nacl.hash(abc));
  });

  it('wipes', () => {
    const secret = Uint8Array.of(1, 2);
    wipe(secret);
    expect(secret).toEqual(new Uint8Array(2));
  });

  it('refuses hexadecimal of odd length or with other characters', () => {
    for (const text of ['abc', 'AB', 'zz']) expect(() => fromHex(text)).toThrow('hexadecimal');
  });
});
