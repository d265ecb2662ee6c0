/** A dealer that cheats: its shares are of other secrets than the ones that it has advertised and uses. */
import { agreementOf } from '../../shared/crypto/agreement.ts';
import { concatBytes, fromHex } from '../../shared/crypto/bytes.ts';
import { secureRandom } from '../../shared/crypto/random.ts';
import { sealSecretBox } from '../../shared/crypto/secret-box.ts';
import type { SiteId } from '../../shared/ids.ts';
import type { MessageOf, SiteMessage } from '../../shared/protocol/messages.ts';
import {
  commitToShare,
  encodeDealt,
  encodeSharePair,
  type SharePair,
} from '../../shared/protocol/share-payload.ts';
import { advertisementsHash } from '../../shared/secagg/context.ts';
import { shareBoxKey } from '../../shared/secagg/share-keys.ts';
import { splitSecret } from '../../shared/secagg/shares.ts';
import { site, type World } from './secagg-world.ts';

export const CHEAT = site('b');
export const OTHERS = ['a', 'c', 'd', 'e'].map(site);

type Shares = MessageOf<SiteMessage, 'shares'>;

/** What a cheat knows and can do. */
export type CheatView = Pick<World, 'secrets' | 'down' | 'up' | 'send' | 'resignSite'>;

/** In the first attempt. */
export function dealsOtherSecrets(): (
  ...sent: readonly [SiteId, SiteMessage, CheatView]
) => readonly SiteMessage[] | undefined {
  let isDealt = false;
  return (siteId, message, world) => {
    if (siteId !== CHEAT || message.type !== 'shares' || isDealt) return undefined;
    isDealt = true;
    // Dealing takes a moment: what was held back is sent then.
    void dealOthers(message, world).then((changed) => {
      world.send(CHEAT, world.resignSite(changed));
    });
    return [];
  };
}

/** Deals shares of other secrets than the ones in use, each with a commitment that fits it. */
async function dealOthers(message: Shares, { secrets, down, up }: CheatView): Promise<Shares> {
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
