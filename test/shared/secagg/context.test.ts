import { describe, expect, it } from 'vitest';
import { toHex } from '../../../shared/crypto/bytes.ts';
import { modelHashSchema, planHashSchema, runIdSchema, siteIdSchema } from '../../../shared/ids.ts';
import {
  advertisementsHash,
  secaggContext,
  transcriptHash,
  type AdvertisedKeys,
  type RoundContext,
} from '../../../shared/secagg/context.ts';
import { selfMaskCommitment, shareBoxKey } from '../../../shared/secagg/share-keys.ts';

const site = (name: string) => siteIdSchema.parse(name);
const [a, b, c] = [site('a'), site('b'), site('c')];
const digest = (digit: string): string => digit.repeat(128);

const context: RoundContext = {
  federationId: 'north',
  runId: runIdSchema.parse('run-1'),
  round: 3,
  attempt: 0,
  modelHash: modelHashSchema.parse(digest('1')),
  planHash: planHashSchema.parse(digest('2')),
  rosterHash: digest('3'),
  cohort: [a, b, c],
  threshold: 3,
  ringBits: 32,
  vectorLength: 1000,
  clipL2Norm: 1.5,
  quantiserScale: 477218588.3,
  privacy: null,
  previousTranscriptHash: '',
};

describe('the context of a round', () => {
  it('is another one when any single field changes', () => {
    const changes: Partial<RoundContext>[] = [
      { federationId: 'south' },
      { runId: runIdSchema.parse('run-2') },
      { round: 4 },
      { attempt: 1 },
      { modelHash: modelHashSchema.parse(digest('4')) },
      { planHash: planHashSchema.parse(digest('4')) },
      { rosterHash: digest('4') },
      { cohort: [a, b] },
      { threshold: 2 },
      { ringBits: 16 },
      { vectorLength: 1001 },
      { clipL2Norm: 1 },
      { quantiserScale: 1 },
      { privacy: { noiseMultiplier: 1 } },
      { previousTranscriptHash: digest('5') },
    ];
    expect(changes.length).toBe(Object.keys(context).length);
    const hashes = [{}, ...changes].map((change) => toHex(secaggContext({ ...context, ...change })));
    expect(new Set(hashes).size).toBe(changes.length + 1);
    expect(hashes[0]).toHaveLength(128);
  });

  it('does not depend on the order of the cohort, and refuses a site that stands twice', () => {
    expect(secaggContext({ ...context, cohort: [c, a, b] })).toEqual(secaggContext(context));
    expect(() => secaggContext({ ...context, cohort: [a, b, a] })).toThrow('the cohort names a site twice');
  });

  it('stays the same from release to release', () => {
    expect(toHex(secaggContext(context)).slice(0, 32)).toMatchInlineSnapshot(
      `"0187f260b0db9123ad842e3eaeceb5e8"`,
    );
  });
});

const keysOf = (siteId: typeof a, digit: string): AdvertisedKeys => ({
  siteId,
  channelKey: digit.repeat(64),
  maskKey: digit.repeat(64),
  commitment: digest(digit),
});

describe('the hash of the advertisements', () => {
  const all = [keysOf(a, '1'), keysOf(b, '2')];

  it('covers every key of every site, in any order', () => {
    const base = toHex(advertisementsHash(all));
    expect(toHex(advertisementsHash([...all].reverse()))).toBe(base);
    const others = [
      [keysOf(a, '1')],
      [...all, keysOf(c, '3')],
      [{ ...keysOf(a, '1'), channelKey: '9'.repeat(64) }, keysOf(b, '2')],
      [{ ...keysOf(a, '1'), maskKey: '9'.repeat(64) }, keysOf(b, '2')],
      [{ ...keysOf(a, '1'), commitment: digest('9') }, keysOf(b, '2')],
      [keysOf(b, '1'), keysOf(a, '2')],
    ];
    for (const other of others) expect(toHex(advertisementsHash(other))).not.toBe(base);
    expect(() => advertisementsHash([keysOf(a, '1'), keysOf(a, '2')])).toThrow('twice');
  });

  it('leaves out what is no key, such as a signature of which a site can make many', () => {
    const signed = all.map((keys, i) => ({ ...keys, signature: String(i) }));
    expect(advertisementsHash(signed)).toEqual(advertisementsHash(all));
  });
});

describe('the transcript', () => {
  it('tells sharers, survivors and the sum apart', () => {
    const bytes = (value: number) => new Uint8Array(64).fill(value);
    const base = {
      ...{ context: bytes(1), advertisements: bytes(2), sumDigest: bytes(3) },
      ...{ sharers: [a, b, c], survivors: [a, b] },
    };
    const hashes = [
      base,
      { ...base, context: bytes(9) },
      { ...base, advertisements: bytes(9) },
      { ...base, sumDigest: bytes(9) },
      { ...base, sharers: [a, b] },
      { ...base, survivors: [a, c] },
      { ...base, sharers: [a, b], survivors: [a, b, c] },
    ].map((transcript) => toHex(transcriptHash(transcript)));
    expect(new Set(hashes).size).toBe(hashes.length);
    expect(toHex(transcriptHash({ ...base, survivors: [b, a] }))).toBe(hashes[0]);
    expect(() => transcriptHash({ ...base, survivors: [a, a] })).toThrow('survivors names a site twice');
  });
});

describe('the keys of shares', () => {
  const route = {
    context: new Uint8Array(64),
    advertisements: new Uint8Array(64),
    source: a,
    destination: b,
  };
  const secret = new Uint8Array(32).fill(5);

  it('are one for each direction, context and list of advertisements', () => {
    const keys = [
      route,
      { ...route, source: b, destination: a },
      { ...route, destination: c },
      { ...route, context: new Uint8Array(64).fill(1) },
      { ...route, advertisements: new Uint8Array(64).fill(1) },
    ].map((one) => toHex(shareBoxKey(secret, one)));
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys[0]).toHaveLength(64);
    expect(() => shareBoxKey(secret, { ...route, context: new Uint8Array(1) })).toThrow('context has 1');
  });

  it('commit to the secret and to the site', () => {
    const hashes = [
      selfMaskCommitment(secret, a),
      selfMaskCommitment(secret, b),
      selfMaskCommitment(new Uint8Array(32), a),
    ].map(toHex);
    expect(new Set(hashes).size).toBe(3);
    expect(() => selfMaskCommitment(new Uint8Array(16), a)).toThrow('has 16 bytes');
  });
});
