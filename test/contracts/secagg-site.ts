/** Sites that cheat: the coordinator names who it was where that can be shown, and the round goes on without them or in spite of them. */
import { describe, expect, it } from 'vitest';
import { toHex } from '../../shared/crypto/bytes.ts';
import { openSealed, seal } from '../../shared/crypto/sealed-box.ts';
import type { SiteMessage } from '../../shared/protocol/messages.ts';
import { decodeDealt, encodeDealt } from '../../shared/protocol/share-payload.ts';
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
