import nacl from 'tweetnacl';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { agree, agreementPublicKey, createAgreementKeyPair } from '../../../shared/crypto/agreement.ts';
import { fromHex, toHex } from '../../../shared/crypto/bytes.ts';
import { hkdf } from '../../../shared/crypto/hkdf.ts';
import {
  openSecretBox,
  sealSecretBox,
  SECRET_BOX_OVERHEAD_BYTES,
} from '../../../shared/crypto/secret-box.ts';
import { x25519Of } from '../../../shared/crypto/x25519-native.ts';
import vectors from '../../vectors/crypto/vectors.json' with { type: 'json' };

const { box, hkdfSha512, lowOrderPoints, x25519Iterated } = vectors;
const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe('HKDF with SHA-512', () => {
  it.each(hkdfSha512.cases)('gives the published output $output', ({ secret, info, output }) => {
    expect(toHex(hkdf(fromHex(secret), fromHex(info), output.length / 2))).toBe(output);
  });

  it('refuses an empty secret, too long an info and lengths it cannot give', () => {
    const secret = new Uint8Array(32);
    const info = new Uint8Array(4);
    expect(() => hkdf(new Uint8Array(0), info, 32)).toThrow('it got 0 bytes');
    expect(() => hkdf(secret, new Uint8Array(1025), 32)).toThrow('at most 1024 bytes');
    for (const length of [0, -1, 1.5, 16321])
      expect(() => hkdf(secret, info, length), String(length)).toThrow('1 to 16320 bytes');
    expect(hkdf(secret, info, 16320)).toHaveLength(16320);
  });
});

describe('X25519', () => {
  it.each(x25519Iterated.cases)('iterates as RFC 7748 §5.2, $iterations times', ({ iterations, result }) => {
    const base = new Uint8Array(32);
    base[0] = 9;
    let [k, u]: [Uint8Array, Uint8Array] = [base, base];
    for (let i = 0; i < iterations; i++) [k, u] = [agree(k, u), k];
    expect(toHex(k)).toBe(result);
  });

  it('gives the same bytes as tweetnacl for any keys, canonical or not', () => {
    fc.assert(
      fc.property(bytes32, bytes32, (secretKey, publicKey) => {
        expect(x25519Of(secretKey)(publicKey)).toEqual(nacl.scalarMult(secretKey, publicKey));
      }),
      { numRuns: 40 },
    );
  });

  it('derives the public keys that tweetnacl makes', () => {
    const pair = createAgreementKeyPair();
    expect(agreementPublicKey(pair.secretKey)).toEqual(pair.publicKey);
    expect(() => agreementPublicKey(new Uint8Array(31))).toThrow('expected 32');
  });

  it('refuses every point of low order, also with the unused highest bit set', () => {
    for (const point of lowOrderPoints.points) {
      const bytes = fromHex(point);
      bytes[31] = (bytes[31] ?? 0) | 0x80;
      expect(() => agree(new Uint8Array(32).fill(3), bytes), point).toThrow('low order');
    }
  });
});

describe('secret boxes', () => {
  const key = fromHex(box.key);
  const nonce = fromHex(box.nonce);

  it('are the published NaCl box', () => {
    expect(toHex(sealSecretBox(key, nonce, fromHex(box.plaintext)))).toBe(box.box);
    expect(toHex(openSecretBox(key, nonce, fromHex(box.box)) ?? new Uint8Array())).toBe(box.plaintext);
  });

  it('open for their key and nonce only, whole and unchanged', () => {
    const sealed = sealSecretBox(key, nonce, Uint8Array.of(1, 2, 3));
    expect(sealed).toHaveLength(3 + SECRET_BOX_OVERHEAD_BYTES);
    expect(openSecretBox(key, nonce, sealed)).toEqual(Uint8Array.of(1, 2, 3));
    expect(openSecretBox(new Uint8Array(32), nonce, sealed)).toBeUndefined();
    expect(openSecretBox(key, new Uint8Array(24), sealed)).toBeUndefined();
    for (let i = 0; i < sealed.length; i++) {
      expect(openSecretBox(key, nonce, sealed.subarray(0, i)), `length ${String(i)}`).toBeUndefined();
      const changed = sealed.slice();
      changed[i] = (changed[i] ?? 0) ^ 0x80;
      expect(openSecretBox(key, nonce, changed), `byte ${String(i)}`).toBeUndefined();
    }
  });

  it('refuse keys and nonces of another length', () => {
    expect(() => sealSecretBox(key.subarray(1), nonce, new Uint8Array(1))).toThrow('secret box key has 31');
    expect(() => openSecretBox(key, nonce.subarray(1), new Uint8Array(17))).toThrow('nonce has 23 bytes');
  });
});
