/** A proof holds of a dealer whose shares make another secret than it advertised, and of no other. */
import { describe, expect, it } from 'vitest';
import { createAgreementKeyPair } from '../../../shared/crypto/agreement.ts';
import { fromHex, toHex } from '../../../shared/crypto/bytes.ts';
import { createIdentity } from '../../../shared/crypto/identity.ts';
import { secureRandom } from '../../../shared/crypto/random.ts';
import { signStatement, verifyStatement } from '../../../shared/crypto/statement.ts';
import {
  badSecretSchema,
  isProven,
  type BadSecret,
  type SpoiltAttempt,
} from '../../../shared/protocol/bad-secret.ts';
import {
  commitToShare,
  dealtBytes,
  decodeDealt,
  encodeDealt,
  type ShareKind,
  type SharePair,
} from '../../../shared/protocol/share-payload.ts';
import { sharesStatement } from '../../../shared/protocol/signatures.ts';
import { selfMaskCommitment } from '../../../shared/secagg/share-keys.ts';
import { splitSecret } from '../../../shared/secagg/shares.ts';
import { topologyOf } from '../../../shared/secagg/topology.ts';
import { contextOf, planOf, site, sites } from '../../coordinator/fixtures.ts';

const members = sites('a', 'b', 'c', 'd');
const context = contextOf(planOf());
const memberBinding = 'b'.repeat(128);
const identity = createIdentity();
const topology = topologyOf({ sites: members, threshold: 3, advertisements: new Uint8Array(64) });
const DEALER = site('b');

interface Deal {
  readonly attempt: SpoiltAttempt;
  readonly proof: BadSecret;
  readonly shares: Readonly<Record<ShareKind, readonly Uint8Array[]>>;
}

/** Site b deals; `isHonest`: shares of the very secrets that it advertises. */
async function deal(survivors: readonly string[], isHonest: boolean): Promise<Deal> {
  const pair = createAgreementKeyPair();
  const ownMask = secureRandom(32);
  const shares = {
    'mask-key': await splitSecret(isHonest ? pair.secretKey : secureRandom(32), 4, 3),
    'own-mask': await splitSecret(isHonest ? ownMask : secureRandom(32), 4, 3),
  };
  const commit = (at: number): SharePair => {
    const place = { binding: memberBinding, dealer: DEALER, holder: members[at] ?? DEALER };
    const of = (kind: ShareKind): Uint8Array =>
      commitToShare(shares[kind][at] ?? new Uint8Array(), { ...place, kind });
    return { 'mask-key': of('mask-key'), 'own-mask': of('own-mask') };
  };
  const boxBytes = decodeDealt(new Uint8Array(dealtBytes(3)), 3)?.entries[0]?.box.length ?? 0;
  const entry = (at: number) => ({ box: new Uint8Array(boxBytes), commitments: commit(at) });
  const payload = encodeDealt({ entries: [entry(0), entry(2), entry(3)], own: commit(1) });
  const message = { context, siteId: DEALER, binding: memberBinding, payload };
  const { purpose, fields } = sharesStatement(message);
  const kind = survivors.includes('b') ? 'own-mask' : 'mask-key';
  const advertisement = {
    siteId: DEALER,
    channelKey: '1'.repeat(64),
    maskKey: toHex(pair.publicKey),
    commitment: toHex(selfMaskCommitment(ownMask, DEALER)),
    signature: '0'.repeat(128),
  };
  return {
    shares,
    attempt: {
      ...{ context, memberBinding, topology, members },
      advertisements: [advertisement],
      survivors: sites(...survivors),
    },
    proof: badSecretSchema.parse({
      ...{ siteId: DEALER, kind, dealt: toHex(payload) },
      signature: signStatement(identity, purpose, fields),
      shares: [0, 1, 3].map((at) => ({
        holder: members[at],
        share: toHex(shares[kind][at] ?? new Uint8Array()),
      })),
    }),
  };
}

const keys = { publicKey: identity.publicKey, verify: verifyStatement };
const WITH = ['a', 'b', 'c', 'd'];
const WITHOUT = ['a', 'c', 'd'];

describe('a proof of a bad secret', () => {
  it.each([
    ['of its own mask, of a survivor', WITH],
    ['of its mask key, of a site that has dropped', WITHOUT],
  ])('holds: %s', async (_, survivors) => {
    const { proof, attempt } = await deal(survivors, false);
    expect(await isProven(proof, attempt, keys)).toBe(true);
  });

  it.each([
    ['its own mask', WITH],
    ['its mask key', WITHOUT],
  ])('does not hold of an honest site, whichever of its shares are shown: %s', async (_, survivors) => {
    const { proof, attempt, shares } = await deal(survivors, true);
    for (const left of [0, 1, 2, 3]) {
      const shown = members.flatMap((holder, at) =>
        at === left ? [] : [{ holder, share: toHex(shares[proof.kind][at] ?? new Uint8Array()) }],
      );
      expect(await isProven({ ...proof, shares: shown }, attempt, keys)).toBe(false);
    }
  });

  it('does not hold when anything of it is changed', async () => {
    const { proof, attempt, shares } = await deal(WITH, false);
    const [first, ...rest] = proof.shares;
    if (!first) throw new Error('there are three shares');
    const otherBytes = fromHex(first.share);
    otherBytes[3] = (otherBytes[3] ?? 0) ^ 1;
    const changed: readonly (readonly [string, BadSecret])[] = [
      ['a share', { ...proof, shares: [{ ...first, share: toHex(otherBytes) }, ...rest] }],
      ['its holder', { ...proof, shares: [{ ...first, holder: site('c') }, ...rest] }],
      ['a stranger’s', { ...proof, shares: [{ ...first, holder: site('z') }, ...rest] }],
      ['too few', { ...proof, shares: rest }],
      [
        'too many',
        {
          ...proof,
          shares: [...proof.shares, { holder: site('c'), share: toHex(shares['own-mask'][2] ?? otherBytes) }],
        },
      ],
      ['twice', { ...proof, shares: [first, first, ...rest.slice(1)] }],
      ['the other secret', { ...proof, kind: 'mask-key' }],
      ['the commitments', { ...proof, dealt: `00${proof.dealt.slice(2)}`.replace(/^00/, 'ff') }],
      ['their length', { ...proof, dealt: proof.dealt.slice(2) }],
      ['another site', { ...proof, siteId: site('c') }],
    ];
    for (const [name, other] of changed) expect(await isProven(other, attempt, keys), name).toBe(false);
  });

  it('does not hold in another attempt, of another signer, or for who knows of other survivors', async () => {
    const { proof, attempt } = await deal(WITH, false);
    const elsewhere = { ...attempt, context: { ...context, attempt: 2 } };
    expect(await isProven(proof, elsewhere, keys)).toBe(false);
    expect(await isProven(proof, { ...attempt, memberBinding: 'c'.repeat(128) }, keys)).toBe(false);
    expect(await isProven(proof, { ...attempt, survivors: sites(...WITHOUT) }, keys)).toBe(false);
    const stranger = { ...keys, publicKey: createIdentity().publicKey };
    expect(await isProven(proof, attempt, stranger)).toBe(false);
  });
});
