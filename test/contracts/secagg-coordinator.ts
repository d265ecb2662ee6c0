/**
 * A coordinator that cheats: it may say anything to anyone and sign it. In each case the site that it cheats refuses, says
 * why, and has revealed nothing that belongs to the cheat.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../shared/crypto/bytes.ts';
import { createIdentity } from '../../shared/crypto/identity.ts';
import { signStatement } from '../../shared/crypto/statement.ts';
import { modelHashSchema } from '../../shared/ids.ts';
import { encodeCoordinatorMessage, type Frame } from '../../shared/protocol/codec.ts';
import { hashSites } from '../../shared/protocol/masking-context.ts';
import type { Advertisement } from '../../shared/protocol/masking-messages.ts';
import type { CoordinatorMessage, MessageOf, SiteMessage } from '../../shared/protocol/messages.ts';
import { advertiseStatement } from '../../shared/protocol/signatures.ts';
import {
  runSecagg,
  site,
  type SecaggOptions,
  type SecaggOutcome,
  type TransportFactory,
  type World,
} from './secagg-world.ts';

const VICTIM = site('a');
type Down<T extends CoordinatorMessage['type']> = MessageOf<CoordinatorMessage, T>;

/** Changes one kind of message on its way to the victim, and signs it as the coordinator. */
function cheat<T extends CoordinatorMessage['type']>(
  type: T,
  change: (message: Down<T>, world: World) => Down<T>,
): NonNullable<SecaggOptions['tamperDown']> {
  return (siteId, message, world) => {
    if (siteId !== VICTIM || !isOf(message, type)) return undefined;
    return [world.resign(siteId, change(message, world))];
  };
}

const isOf = <T extends CoordinatorMessage['type']>(
  message: CoordinatorMessage,
  type: T,
): message is Down<T> => message.type === type;

const changeEntry = (
  message: Down<'share-keys'>,
  name: string,
  change: (entry: Advertisement) => Advertisement,
): Down<'share-keys'> => ({
  ...message,
  advertisements: message.advertisements.map((entry) => (entry.siteId === name ? change(entry) : entry)),
});

const answersOf = ({ world }: SecaggOutcome, name: string): SiteMessage['type'][] =>
  world.up.flatMap(({ siteId, message }) => (siteId === name ? [message.type] : []));

/** A point of order 1, which makes every shared secret zero. */
const LOW_ORDER = '00'.repeat(32);
const OTHER_KEY = toHex(createIdentity().publicKey);

/** (R, S + L) of a signature (R, S). */
function malleate(signature: string): string {
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const bytes = Buffer.from(signature, 'hex');
  let s = BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString('hex')}`) + order;
  for (let i = 32; i < 64; i++, s >>= 8n) bytes[i] = Number(s & 255n);
  return bytes.toString('hex');
}

interface Case {
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

const CASES: readonly Case[] = [
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

export interface CoordinatorSuite {
  /** Deadlines pass at once: a site that does not answer can be waited for. */
  readonly simulatedTime: boolean;
}

export function secaggCoordinatorContract(
  name: string,
  factory: TransportFactory,
  { simulatedTime }: CoordinatorSuite,
): void {
  describe(`secure aggregation, a malicious coordinator: ${name}`, () => {
    it.each(CASES)('$name: $reason', async ({ options, reason, answers }) => {
      const federation = { minimumCohort: 4 };
      const outcome = await runSecagg(factory, { federation, ...options });
      expect(outcome.refusalsOf('a')).toEqual([reason]);
      expect(answersOf(outcome, 'a')).toEqual(answers);
    });

    it('a split view of the survivors: nobody reveals anything for it', async () => {
      // The victim is told of other survivors; the coordinator books its signature as one over the true ones.
      const outcome = await runSecagg(factory, {
        tamperDown: cheat('survivors', (message) => ({
          ...message,
          survivors: message.survivors.slice(0, 4),
        })),
        tamperUp: (siteId, message, world) => {
          if (siteId !== VICTIM || message.type !== 'consistent') return undefined;
          const survivorsHash = hashSites(['a', 'b', 'c', 'd', 'e'].map(site));
          return [world.resignSite({ ...message, survivorsHash })];
        },
      });
      expect(outcome.refusalsOf('a')).toEqual(['too-few-signatures']);
      expect(answersOf(outcome, 'a')).not.toContain('unmasked');
    });

    it('a site that survives for some and has dropped for others: the second list is refused', async () => {
      const outcome = await runSecagg(factory, {
        tamperDown: (siteId, message, world) =>
          siteId === VICTIM && message.type === 'unmask'
            ? [
                world.resign(siteId, {
                  ...{ type: 'survivors', context: message.context, signature: message.signature },
                  survivors: ['a', 'b', 'c', 'd'].map(site),
                }),
                message,
              ]
            : undefined,
      });
      expect(outcome.refusalsOf('a')).toEqual(['sites-changed']);
      expect(answersOf(outcome, 'a')).not.toContain('unmasked');
    });

    it('a second unmasking: a repeated round with one site fewer is refused by all who have answered', async () => {
      const outcome = await runSecagg(factory, {
        afterwards: async (world) => {
          const announced = world.down.find(({ message }) => message.type === 'announce')?.message;
          if (announced?.type !== 'announce') throw new Error('nothing was announced');
          const again: CoordinatorMessage = {
            ...announced,
            context: { ...announced.context, attempt: 2 },
            cohort: announced.cohort.slice(1),
          };
          for (const siteId of again.cohort)
            world.transport.gateway.send(siteId, encodeCoordinatorMessage(world.resign(siteId, again)));
          await passed(world);
        },
      });
      expect(outcome.records).toMatchObject([{ outcome: 'published' }]);
      for (const name of ['b', 'c', 'd', 'e']) expect(outcome.refusalsOf(name)).toEqual(['already-unmasked']);
    });

    it('the same unmasking asked for again gets the same shares and no others', async () => {
      const outcome = await runSecagg(factory, {
        tamperDown: (_, message) => (message.type === 'unmask' ? [message, message] : undefined),
      });
      const revealed = outcome.world.up.filter(
        ({ siteId, message }) => siteId === 'a' && message.type === 'unmasked',
      );
      expect(outcome.records).toMatchObject([{ outcome: 'published' }]);
      expect(revealed.length).toBe(2);
    });

    it('keys of another round, or for another model, are nobody’s keys', async () => {
      const old: Advertisement[] = [];
      const outcome = await runSecagg(factory, {
        rounds: 2,
        federation: { minimumCohort: 4 },
        tamperDown: (siteId, message, world) => {
          if (message.type !== 'share-keys') return undefined;
          if (message.context.round === 1) {
            if (old.length === 0) old.push(...message.advertisements);
            return undefined;
          }
          const replayed = old.find((entry) => entry.siteId === 'b');
          if (siteId !== VICTIM || !replayed) return undefined;
          return [
            world.resign(
              siteId,
              changeEntry(message, 'b', () => replayed),
            ),
          ];
        },
      });
      expect(outcome.refusalsOf('a')).toEqual(['bad-peer-signature']);

      const models = await runSecagg(factory, {
        federation: { minimumCohort: 4 },
        tamperDown: cheat('announce', (message) => ({
          ...message,
          context: { ...message.context, modelHash: modelHashSchema.parse('b'.repeat(128)) },
        })),
      });
      // What the victim signs is about the other model: the coordinator has no use for it.
      expect(models.records[0]?.dropped).toMatchObject([{ siteId: 'a', reason: 'wrong-context' }]);
    });

    it('rewrites history: the next round does not build on the last', async () => {
      const outcome = await runSecagg(factory, {
        rounds: 2,
        federation: { minimumCohort: 4 },
        tamperDown: cheat('announce', (message) => {
          const previous = message.masking?.previous;
          if (!message.masking || !previous) return message;
          return {
            ...message,
            masking: { ...message.masking, previous: { ...previous, transcript: '0'.repeat(128) } },
          };
        }),
      });
      expect(outcome.refusalsOf('a')).toEqual(['transcript-mismatch']);
    });

    it.runIf(simulatedTime)(
      'messages of one round in the next: whatever is repeated, nothing is revealed for it',
      async () => {
        const types = ['share-keys', 'relay', 'train', 'survivors', 'unmask'] as const;
        await fc.assert(
          fc.asyncProperty(fc.constantFrom(...types), fc.constantFrom(...types), async (replayed, before) => {
            const kept: CoordinatorMessage[] = [];
            const outcome = await runSecagg(factory, {
              rounds: 2,
              tamperDown: (siteId, message) => {
                if (siteId !== VICTIM) return undefined;
                if (message.context.round === 1 && message.type === replayed) kept.push(message);
                return message.context.round === 2 && message.type === before
                  ? [...kept, message]
                  : undefined;
              },
            });
            expect(outcome.records).toMatchObject([{ outcome: 'published' }, { outcome: 'published' }]);
            expect(answersOf(outcome, 'a').filter((type) => type === 'unmasked')).toHaveLength(2);
          }),
          { numRuns: 6 },
        );
      },
    );

    it.runIf(simulatedTime)('a flipped bit: the site does not answer what was changed', async () => {
      const types = ['announce', 'share-keys', 'relay', 'train', 'survivors', 'unmask'] as const;
      const answerOf = {
        announce: 'advertise',
        'share-keys': 'shares',
        relay: 'update',
        train: 'update',
      } as const;
      const place = fc.record({
        type: fc.constantFrom(...types),
        at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        bit: fc.nat(6),
      });
      await fc.assert(
        fc.asyncProperty(place, async ({ type, at, bit }) => {
          const outcome = await runSecagg(factory, {
            federation: { minimumCohort: 4 },
            mangleDown: (siteId, frame) =>
              siteId === VICTIM && isFrameOf(frame, type) ? flipped(frame, at, bit) : frame,
          });
          const expected =
            type === 'survivors' ? 'consistent' : type === 'unmask' ? 'unmasked' : answerOf[type];
          expect(answersOf(outcome, 'a')).not.toContain(expected);
          // The others go on without it, or with the update that it had sent.
          expect(outcome.records).toMatchObject([{ outcome: 'published' }]);
        }),
        { numRuns: 15 },
      );
    });

    it.runIf(simulatedTime)('a coordinator’s signature with S + L is none', async () => {
      const outcome = await runSecagg(factory, {
        federation: { minimumCohort: 4 },
        tamperDown: (siteId, message) =>
          siteId === VICTIM && message.type === 'share-keys'
            ? [{ ...message, signature: malleate(message.signature) }]
            : undefined,
      });
      expect(outcome.refusalsOf('a')).toEqual(['bad-coordinator-signature']);
      expect(answersOf(outcome, 'a')).toEqual(['advertise']);
    });
  });
}

const isFrameOf = ({ header }: Frame, type: string): boolean => header.startsWith(`{"type":"${type}"`);

/** Behind the name of the type, by which the transport knows the frame. */
function flipped({ header, payload }: Frame, at: number, bit: number): Frame {
  if (payload && bit % 2 === 0) {
    const changed = payload.slice();
    const index = Math.floor(at * changed.length);
    changed[index] = (changed[index] ?? 0) ^ (1 << bit);
    return { header, payload: changed };
  }
  const start = header.indexOf(',') + 1;
  const index = start + Math.floor(at * (header.length - start));
  const code = header.charCodeAt(index) ^ (1 << (bit % 5));
  const changed = header.slice(0, index) + String.fromCharCode(code) + header.slice(index + 1);
  return { header: changed, ...(payload && { payload }) };
}

/** Until what was sent has arrived. */
async function passed({ transport }: World): Promise<void> {
  await new Promise<void>((resolve) => {
    transport.clock.schedule(4 * transport.arrivalMs, resolve);
  });
}
