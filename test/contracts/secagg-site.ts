/** Sites that cheat: the coordinator names who it was where that can be shown, and the round goes on without them or in spite of them. */
import { describe, expect, it } from 'vitest';
import { concatBytes, fromHex, toHex } from '../../shared/crypto/bytes.ts';
import { openSealed, seal } from '../../shared/crypto/sealed-box.ts';
import { agreementOf } from '../../shared/crypto/agreement.ts';
import { secureRandom } from '../../shared/crypto/random.ts';
import { sealSecretBox } from '../../shared/crypto/secret-box.ts';
import type { SiteMessage } from '../../shared/protocol/messages.ts';
import {
  commitToShare,
  decodeDealt,
  encodeDealt,
  encodeSharePair,
  type SharePair,
} from '../../shared/protocol/share-payload.ts';
import { advertisementsHash } from '../../shared/secagg/context.ts';
import { shareBoxKey } from '../../shared/secagg/share-keys.ts';
import { splitSecret } from '../../shared/secagg/shares.ts';
import {
  expectedWeights,
  runSecagg,
  site,
  type SecaggOptions,
  type SecaggOutcome,
  type TransportFactory,
  type World,
} from './secagg-world.ts';

const CHEAT = site('b');
const ALL = ['a', 'b', 'c', 'd', 'e'].map(site);
const OTHERS = ALL.filter((siteId) => siteId !== CHEAT);

type Up<T extends SiteMessage['type']> = Extract<SiteMessage, { type: T }>;
const isOf = <T extends SiteMessage['type']>(message: SiteMessage, type: T): message is Up<T> =>
  message.type === type;

/** Changes one kind of the cheat's messages, in round one, and signs it as the cheat. */
function cheats<T extends SiteMessage['type']>(
  type: T,
  change: (message: Up<T>, world: World) => Up<T>,
): NonNullable<SecaggOptions['tamperUp']> {
  return (siteId, message, world) =>
    siteId === CHEAT && message.context.round === 1 && isOf(message, type)
      ? [world.resignSite(change(message, world))]
      : undefined;
}

const changeRevealed = (change: (bytes: Uint8Array) => void) =>
  cheats('unmasked', (message, { boxKeys }) => {
    const bytes = openSealed(boxKeys, message.payload);
    if (!bytes) throw new Error('the shares are sealed for the coordinator');
    change(bytes);
    return { ...message, payload: seal(boxKeys.publicKey, bytes) };
  });

function expectPublished(
  outcome: SecaggOutcome,
  survivors: SecaggOutcome['records'][0]['dropped'][0]['siteId'][],
): void {
  expect(outcome.records[0]).toMatchObject({ outcome: 'published', survivors });
  expect(outcome.finalWeights).toEqual(expectedWeights(outcome.plan, survivors, 5));
}

/** Deals shares of other secrets than the ones in use, each with a commitment that fits it. */
async function dealOthers(message: Up<'shares'>, { secrets, down, up }: World): Promise<Up<'shares'>> {
  const own = secrets.get(CHEAT);
  const listed = down.find(
    ({ siteId, message: sent }) => siteId === CHEAT && sent.type === 'share-keys',
  )?.message;
  const announced = down.find(({ message: sent }) => sent.type === 'announce')?.message;
  if (!own || listed?.type !== 'share-keys' || announced?.type !== 'announce') throw new Error('too early');
  const { threshold } = announced.masking ?? { threshold: 4 };
  const shares = [
    await splitSecret(secureRandom(32), 5, threshold),
    await splitSecret(secureRandom(32), 5, threshold),
  ];
  const pairAt = (i: number): SharePair => ({
    'mask-key': shares[0]?.[i] ?? new Uint8Array(),
    'own-mask': shares[1]?.[i] ?? new Uint8Array(),
  });
  const sent = up.find(({ siteId, message: { type } }) => siteId === CHEAT && type === 'advertise')?.message;
  const binding = fromHex(sent?.type === 'advertise' ? (sent.masking?.binding ?? '') : '');
  const advertisements = advertisementsHash(listed.advertisements);
  const agree = agreementOf(own.channelKey);
  const commit = (pair: SharePair, holder: typeof CHEAT): SharePair => {
    const place = { binding: message.binding, dealer: CHEAT, holder } as const;
    return {
      'mask-key': commitToShare(pair['mask-key'], { ...place, kind: 'mask-key' }),
      'own-mask': commitToShare(pair['own-mask'], { ...place, kind: 'own-mask' }),
    };
  };
  const entries = OTHERS.map((holder, i) => {
    const channelKey = listed.advertisements.find(({ siteId }) => siteId === holder)?.channelKey ?? '';
    const route = { context: binding, advertisements, source: CHEAT, destination: holder };
    const nonce = secureRandom(24);
    const box = sealSecretBox(
      shareBoxKey(agree(fromHex(channelKey)), route),
      nonce,
      encodeSharePair(pairAt(i)),
    );
    return { box: concatBytes(nonce, box), commitments: commit(pairAt(i), holder) };
  });
  return { ...message, payload: encodeDealt({ entries, own: commit(pairAt(4), CHEAT) }) };
}

export function secaggSiteContract(name: string, factory: TransportFactory): void {
  describe(`secure aggregation, malicious sites: ${name}`, () => {
    it('a share that is not the one that was dealt: its sender is named and the round goes on', async () => {
      const outcome = await runSecagg(factory, {
        // Of the first dealer: the share's first byte.
        tamperUp: changeRevealed((bytes) => (bytes[1] = (bytes[1] ?? 0) ^ 1)),
      });
      expectPublished(outcome, ALL);
      expect(outcome.coordinatorReports).toContainEqual({
        kind: 'culprit',
        siteId: CHEAT,
        reason: 'bad-share',
      });
      expect(outcome.records[0]?.dropped).toEqual([
        { siteId: CHEAT, phase: 'unmasking', reason: 'bad-share' },
      ]);
    });

    it('who has been shown to cheat takes part no more', async () => {
      const outcome = await runSecagg(factory, {
        rounds: 2,
        federation: { minimumCohort: 4 },
        tamperUp: changeRevealed((bytes) => (bytes[1] = (bytes[1] ?? 0) ^ 1)),
      });
      expect(outcome.records).toMatchObject([{ survivors: ALL }, { survivors: OTHERS }]);
    });

    it('boxes that nobody can open: the others have enough shares of everyone else', async () => {
      const outcome = await runSecagg(factory, {
        drops: { b: 'after shares' },
        threshold: 3,
        federation: { minimumCohort: 4 },
        tamperUp: cheats('shares', (message) => {
          const dealt = decodeDealt(message.payload, 4);
          if (!dealt) throw new Error('the shares of four peers');
          const [first, ...rest] = dealt.entries;
          const broken = first && { ...first, box: new Uint8Array(first.box.length) };
          return {
            ...message,
            payload: encodeDealt({ ...dealt, entries: [...(broken ? [broken] : []), ...rest] }),
          };
        }),
      });
      expectPublished(outcome, OTHERS);
    });

    it('other secrets dealt than are in use: named, the round is given up, and the run goes on without it', async () => {
      let isDealt = false;
      const outcome = await runSecagg(factory, {
        rounds: 2,
        federation: { minimumCohort: 4, maximumConsecutiveAborts: 2 },
        tamperUp: (siteId, message, world) => {
          if (siteId !== CHEAT || message.context.round !== 1) return undefined;
          if (message.type !== 'shares' || isDealt) return undefined;
          isDealt = true;
          // Dealing takes a moment: what was held back is sent then.
          void dealOthers(message, world).then((changed) => {
            world.send(CHEAT, world.resignSite(changed));
          });
          return [];
        },
      });
      expect(outcome.coordinatorReports).toContainEqual({
        kind: 'culprit',
        siteId: CHEAT,
        reason: 'bad-secret',
      });
      expect(outcome.records).toMatchObject([
        { round: 1, outcome: 'aborted', reason: 'unmasking-failed', spent: true },
        { round: 2, outcome: 'published', survivors: OTHERS },
      ]);
    });

    it.each<[string, string, NonNullable<SecaggOptions['tamperUp']>]>([
      [
        'shares of the wrong length',
        'wrong-shape',
        cheats('shares', (m) => ({ ...m, payload: m.payload.slice(1) })),
      ],
      [
        'an update of the wrong length',
        'wrong-shape',
        cheats('update', (m) => ({ ...m, payload: m.payload.slice(4) })),
      ],
      [
        'an update under another binding',
        'wrong-context',
        cheats('update', (m) => ({ ...m, binding: '0'.repeat(128) })),
      ],
      ['a low-order key', 'malformed', lowOrder()],
      ['the same key twice', 'malformed', sameKey()],
      ['keys for another context', 'wrong-context', otherContext()],
    ])('%s: dropped, and the round goes on', async (_, reason, tamperUp) => {
      const outcome = await runSecagg(factory, { federation: { minimumCohort: 4 }, tamperUp });
      expectPublished(outcome, OTHERS);
      expect(outcome.records[0]?.dropped).toMatchObject([{ siteId: CHEAT, reason }]);
    });

    it.each<[string, string, NonNullable<SecaggOptions['tamperUp']>]>([
      ['revealed bytes that are not canonical', 'wrong-shape', changeRevealed((bytes) => (bytes[0] = 2))],
      [
        'another list of survivors signed',
        'wrong-context',
        cheats('consistent', (m) => ({ ...m, survivorsHash: '0'.repeat(128) })),
      ],
      [
        'an answer that nobody can open',
        'undecryptable',
        cheats('unmasked', (m) => ({ ...m, payload: new Uint8Array(m.payload.length) })),
      ],
    ])('%s: dropped, and its update counts', async (_, reason, tamperUp) => {
      const outcome = await runSecagg(factory, { tamperUp });
      expectPublished(outcome, ALL);
      expect(outcome.records[0]?.dropped).toMatchObject([{ siteId: CHEAT, reason }]);
    });
  });
}

function lowOrder(): NonNullable<SecaggOptions['tamperUp']> {
  return cheats('advertise', (message) => ({
    ...message,
    ...(message.masking && { masking: { ...message.masking, maskKey: '00'.repeat(32) } }),
  }));
}

function sameKey(): NonNullable<SecaggOptions['tamperUp']> {
  return cheats('advertise', (message) => ({
    ...message,
    ...(message.masking && { masking: { ...message.masking, maskKey: message.masking.channelKey } }),
  }));
}

function otherContext(): NonNullable<SecaggOptions['tamperUp']> {
  return cheats('advertise', (message) => ({
    ...message,
    ...(message.masking && { masking: { ...message.masking, binding: toHex(new Uint8Array(64)) } }),
  }));
}
