import nacl from 'tweetnacl';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../../shared/crypto/bytes.ts';
import { createIdentity, identityFromSeed, verifySignature } from '../../../shared/crypto/identity.ts';
import { signStatement, statementBytes, verifyStatement } from '../../../shared/crypto/statement.ts';
import vectors from '../../vectors/crypto/vectors.json' with { type: 'json' };

/** L of RFC 8032 §5.1 as a number. */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

const littleEndian = (bytes: Uint8Array): bigint =>
  bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
const toLittleEndian = (value: bigint): Uint8Array =>
  Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));

describe('Ed25519 identities', () => {
  it.each(vectors.ed25519.cases)('signs and verifies the published vector $publicKey', (vector) => {
    const identity = identityFromSeed(fromHex(vector.seed));
    expect(toHex(identity.publicKey)).toBe(vector.publicKey);
    expect(toHex(identity.sign(fromHex(vector.message)))).toBe(vector.signature);
    const { publicKey, message, signature } = vector;
    expect(verifySignature(fromHex(publicKey), fromHex(message), fromHex(signature))).toBe(true);
  });

  it('agrees with tweetnacl byte for byte', () => {
    const seed = new Uint8Array(32).fill(42);
    const message = new TextEncoder().encode('a hospital');
    const reference = nacl.sign.detached(message, nacl.sign.keyPair.fromSeed(seed).secretKey);
    expect(identityFromSeed(seed).sign(message)).toEqual(reference);
  });

  it('rejects the malleable signature R, S + L, which tweetnacl accepts', () => {
    const identity = createIdentity();
    const message = Uint8Array.of(1, 2, 3);
    const signature = identity.sign(message);
    const forged = signature.slice();
    forged.set(toLittleEndian(littleEndian(signature.subarray(32)) + ORDER), 32);
    expect(nacl.sign.detached.verify(message, forged, identity.publicKey)).toBe(true);
    expect(verifySignature(identity.publicKey, message, forged)).toBe(false);
  });

  it('rejects S = L itself and accepts no other change of a single bit', () => {
    const identity = identityFromSeed(new Uint8Array(32).fill(1));
    const message = Uint8Array.of(9);
    const signature = identity.sign(message);
    const atOrder = signature.slice();
    atOrder.set(toLittleEndian(ORDER), 32);
    expect(verifySignature(identity.publicKey, message, atOrder)).toBe(false);
    for (let bit = 0; bit < 512; bit += 7) {
      const changed = signature.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(verifySignature(identity.publicKey, message, changed), `bit ${String(bit)}`).toBe(false);
    }
  });

  it('answers false, without throwing, to keys and signatures of any wrong form', () => {
    const identity = createIdentity();
    const { publicKey } = identity;
    const message = new Uint8Array(1);
    const signature = identity.sign(message);
    expect(verifySignature(publicKey.subarray(1), message, signature)).toBe(false);
    expect(verifySignature(publicKey, message, signature.subarray(1))).toBe(false);
    expect(verifySignature(new Uint8Array(32).fill(255), message, signature)).toBe(false);
    expect(verifySignature(createIdentity().publicKey, message, signature)).toBe(false);
  });

  it('refuses a seed of a wrong length and signs no more once disposed of', () => {
    expect(() => identityFromSeed(new Uint8Array(31))).toThrow('Ed25519 seed has 31 bytes; expected 32');
    const identity = createIdentity();
    identity.dispose();
    expect(() => identity.sign(new Uint8Array(1))).toThrow('disposed');
  });
});

describe('statements', () => {
  it('separates purposes: a signature for one is worthless for another', () => {
    const identity = createIdentity();
    const fields = { round: 1 };
    const signature = signStatement(identity, 'advertise', fields);
    expect(verifyStatement(identity.publicKey, { purpose: 'advertise', fields, signature })).toBe(true);
    expect(verifyStatement(identity.publicKey, { purpose: 'refuse', fields, signature })).toBe(false);
    expect(
      verifyStatement(identity.publicKey, { purpose: 'advertise', fields: { round: 2 }, signature }),
    ).toBe(false);
  });

  it('is the same bytes whatever the order of the fields', () => {
    expect(statementBytes('update', { b: 1, a: 2 })).toEqual(statementBytes('update', { a: 2, b: 1 }));
    expect(new TextDecoder().decode(statementBytes('update', { b: 1, a: 2 }))).toBe(
      'consilium/3/update\n{"a":2,"b":1}',
    );
  });

  it.each(['audit', 'ledger'] as const)('of the record %s is the same in every version', (purpose) => {
    expect(new TextDecoder().decode(statementBytes(purpose, { a: 1 }))).toBe(
      `consilium/2/${purpose}\n{"a":1}`,
    );
  });
});
