/** What a cheating coordinator can tell one site, and why the site refuses it. */
import { toHex } from '../../shared/crypto/bytes.ts';
import { createIdentity } from '../../shared/crypto/identity.ts';
import { signStatement } from '../../shared/crypto/statement.ts';
import type { SiteMessage } from '../../shared/protocol/messages.ts';
import { advertiseStatement } from '../../shared/protocol/signatures.ts';
import { changeEntry, cheat, malleate, VICTIM, type Down } from './secagg-cheating.ts';
import { site, type SecaggOptions, type World } from './secagg-world.ts';

/** A point of order 1, which makes every shared secret zero. */
const LOW_ORDER = '00'.repeat(32);
const OTHER_KEY = toHex(createIdentity().publicKey);

export interface Case {
  readonly name: string;
  readonly reason: string;
  /** What the victim has sent until it refuses, the refusal included. */
  readonly answers: readonly SiteMessage['type'][];
  readonly options: SecaggOptions;
}

const REFUSES_AT = {
  announce: ['refuse'],
  keys: ['advertise', 'refuse'],
  relay: ['advertise', 'shares', 'refuse'],
  survivors: ['advertise', 'shares', 'update', 'refuse'],
  unmask: ['advertise', 'shares', 'update', 'consistent', 'refuse'],
} as const;

const atKeys = (
  name: string,
  reason: string,
  change: (m: Down<'share-keys'>, w: World) => Down<'share-keys'>,
): Case => ({
  name,
  reason,
  answers: REFUSES_AT.keys,
  options: { tamperDown: cheat('share-keys', change) },
});

export const COORDINATOR_CASES: readonly Case[] = [
  atKeys('a peer’s mask key swapped', 'bad-peer-signature', (message) =>
    changeEntry(message, 'b', (entry) => ({ ...entry, maskKey: OTHER_KEY })),
  ),
  atKeys('a peer’s entry signed by somebody else', 'bad-peer-signature', (message, { up }) => {
    const binding = up.flatMap(({ message: sent }) =>
      sent.type === 'advertise' ? [sent.masking?.binding ?? ''] : [],
    )[0];
    return changeEntry(message, 'b', ({ siteId, channelKey, commitment }) => {
      const keys = { binding: binding ?? '', channelKey, maskKey: OTHER_KEY, commitment };
      const { purpose, fields } = advertiseStatement({ context: message.context, siteId, masking: keys });
      const signature = signStatement(createIdentity(), purpose, fields);
      return { siteId, channelKey, maskKey: OTHER_KEY, commitment, signature };
    });
  }),
  atKeys('the victim’s own key as a peer’s', 'repeated-key', (message) => {
    const own = message.advertisements.find(({ siteId }) => siteId === VICTIM);
    return changeEntry(message, 'b', (entry) => ({ ...entry, maskKey: own?.maskKey ?? '' }));
  }),
  atKeys('the victim’s own entry changed', 'own-entry-changed', (message) =>
    changeEntry(message, 'a', (entry) => ({ ...entry, maskKey: OTHER_KEY })),
  ),
  atKeys('a low-order key, of a peer that colludes', 'weak-peer-key', (message, { up, identities }) => {
    const sent = up.find(({ siteId, message: { type } }) => siteId === 'b' && type === 'advertise')?.message;
    const binding = sent?.type === 'advertise' ? (sent.masking?.binding ?? '') : '';
    const identity = identities.get(site('b')) ?? createIdentity();
    return changeEntry(message, 'b', ({ siteId, channelKey, commitment }) => {
      const keys = { binding, channelKey, maskKey: LOW_ORDER, commitment };
      const { purpose, fields } = advertiseStatement({ context: message.context, siteId, masking: keys });
      return {
        siteId,
        channelKey,
        maskKey: LOW_ORDER,
        commitment,
        signature: signStatement(identity, purpose, fields),
      };
    });
  }),
  atKeys('a signature with S + L', 'bad-peer-signature', (message) =>
    changeEntry(message, 'b', (entry) => ({ ...entry, signature: malleate(entry.signature) })),
  ),
  atKeys('an invented site', 'unknown-peer', (message) => {
    const [first] = message.advertisements;
    const invented = first && { ...first, siteId: site('z') };
    return { ...message, advertisements: [...message.advertisements, ...(invented ? [invented] : [])] };
  }),
  atKeys('fewer peers than the threshold', 'too-few-peers', (message) => ({
    ...message,
    advertisements: message.advertisements.slice(0, 3),
  })),
  {
    name: 'a lowered threshold',
    reason: 'threshold-too-low',
    answers: REFUSES_AT.announce,
    options: {
      tamperDown: cheat('announce', (message) => ({
        ...message,
        ...(message.masking && { masking: { ...message.masking, threshold: message.masking.threshold - 1 } }),
      })),
    },
  },
  {
    name: 'another roster',
    reason: 'roster-mismatch',
    answers: REFUSES_AT.announce,
    options: {
      tamperDown: cheat('announce', (message) => ({
        ...message,
        ...(message.masking && { masking: { ...message.masking, rosterHash: '0'.repeat(128) } }),
      })),
    },
  },
  {
    name: 'no masks where the plan has them',
    reason: 'masking-mismatch',
    answers: REFUSES_AT.announce,
    options: {
      tamperDown: cheat('announce', ({ type, context, plan, cohort, boxKey, signature }) => ({
        ...{ type, context, plan, cohort, boxKey, signature },
      })),
    },
  },
  {
    name: 'a cohort of two',
    reason: 'small-cohort',
    answers: REFUSES_AT.announce,
    options: {
      tamperDown: cheat('announce', (message) => ({ ...message, cohort: message.cohort.slice(0, 2) })),
    },
  },
  {
    name: 'another model for one site',
    reason: 'model-hash-mismatch',
    answers: REFUSES_AT.relay,
    options: {
      tamperDown: cheat('train', (message) => {
        const payload = message.payload.slice();
        payload[0] = (payload[0] ?? 0) ^ 1;
        return { ...message, payload };
      }),
    },
  },
  {
    name: 'members who have not advertised to it',
    reason: 'sites-changed',
    answers: REFUSES_AT.relay,
    options: {
      tamperDown: cheat('relay', (message) => ({ ...message, members: [...message.members, site('z')] })),
    },
  },
  {
    name: 'other members in the request to train',
    reason: 'sites-changed',
    answers: REFUSES_AT.relay,
    options: {
      tamperDown: cheat('train', (message) => ({ ...message, cohort: message.cohort.slice(0, 4) })),
    },
  },
  {
    name: 'shares left out',
    reason: 'malformed-shares',
    answers: REFUSES_AT.relay,
    options: {
      tamperDown: cheat('relay', (message) => ({ ...message, payload: message.payload.slice(174) })),
    },
  },
  {
    name: 'survivors without the victim',
    reason: 'not-a-survivor',
    answers: REFUSES_AT.survivors,
    options: {
      tamperDown: cheat('survivors', (message) => ({ ...message, survivors: message.survivors.slice(1) })),
    },
  },
  {
    name: 'too few survivors',
    reason: 'too-few-peers',
    answers: REFUSES_AT.survivors,
    options: {
      tamperDown: cheat('survivors', (message) => ({ ...message, survivors: message.survivors.slice(0, 3) })),
    },
  },
  {
    name: 'a survivor who is no member',
    reason: 'sites-changed',
    answers: REFUSES_AT.survivors,
    options: {
      tamperDown: cheat('survivors', (message) => ({
        ...message,
        survivors: [...message.survivors.slice(0, 4), site('z')],
      })),
    },
  },
  {
    name: 'too few signatures of the survivors',
    reason: 'too-few-signatures',
    answers: REFUSES_AT.unmask,
    options: {
      tamperDown: cheat('unmask', (message) => ({ ...message, signatures: message.signatures.slice(0, 3) })),
    },
  },
  {
    name: 'one signature several times',
    reason: 'too-few-signatures',
    answers: REFUSES_AT.unmask,
    options: {
      tamperDown: cheat('unmask', (message) => ({
        ...message,
        signatures: message.signatures.flatMap(() => message.signatures.slice(0, 1)),
      })),
    },
  },
];
