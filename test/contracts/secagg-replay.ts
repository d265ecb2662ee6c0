/**
 * Messages that come again in another round, another attempt or another run, and messages in the coordinator's name from
 * somebody who has no key: nothing follows from them but a refusal.
 */
import { describe, expect, it } from 'vitest';
import { createIdentity } from '../../shared/crypto/identity.ts';
import { signStatement } from '../../shared/crypto/statement.ts';
import { runIdSchema } from '../../shared/ids.ts';
import { isCountsRound, needsClassCounts } from '../../shared/protocol/class-counts.ts';
import type { CoordinatorMessage, RoundContext, SiteMessage } from '../../shared/protocol/messages.ts';
import { abortedStatement, ackStatement, publishedStatement } from '../../shared/protocol/signatures.ts';
import { answersOf, malleate, VICTIM } from './secagg-cheating.ts';
import { restartSecrets } from './remembered-crypto.ts';
import { inMemory } from './secagg-transports.ts';
import {
  expectedWeights,
  runSecagg,
  RUN_ID,
  site,
  type SecaggOptions,
  type SecaggOutcome,
  type TransportFactory,
  type World,
} from './secagg-world.ts';

const DOWN = [
  'announce',
  'share-keys',
  'relay',
  'train',
  'count',
  'survivors',
  'unmask',
  'ack',
  'published',
  'aborted',
] as const;
const UP = ['advertise', 'shares', 'update', 'consistent', 'unmasked'] as const;
const ALL = ['a', 'b', 'c', 'd', 'e'].map(site);

/** Where a message was said, and where it comes again. */
interface Boundary {
  readonly name: string;
  readonly options: SecaggOptions;
  readonly isBefore: (context: RoundContext) => boolean;
  /** Types that the first of the two does not come to. */
  readonly unsaid: readonly string[];
}

const BOUNDARIES: readonly Boundary[] = [
  {
    name: 'round',
    options: { rounds: 2 },
    isBefore: ({ round }) => round === 1,
    unsaid: ['aborted', 'count'],
  },
  {
    name: 'round of counts',
    options: { counting: true },
    isBefore: isCountsRound,
    unsaid: ['aborted', 'train'],
  },
  {
    name: 'attempt',
    options: {
      federation: { minimumCohort: 5, maximumConsecutiveAborts: 2 },
      // The first attempt ends when nothing is left to be said but the unmasking.
      drops: { d: 'before consistent', e: 'before consistent' },
      backAfterMs: 100,
    },
    isBefore: ({ attempt }) => attempt === 1,
    unsaid: ['unmask', 'unmasked', 'published', 'count'],
  },
  {
    name: 'attempt to count',
    options: {
      counting: true,
      federation: { minimumCohort: 5, maximumConsecutiveAborts: 2 },
      drops: { d: 'before consistent', e: 'before consistent' },
      backAfterMs: 100,
    },
    isBefore: ({ round, attempt }) => isCountsRound({ round }) && attempt === 1,
    unsaid: ['unmask', 'unmasked', 'published', 'train'],
  },
];

/** Answers of the victim where everything comes once. */
const undisturbed = async (options: SecaggOptions): Promise<SecaggOutcome> => {
  restartSecrets();
  return runSecagg(inMemory, options);
};

/** Before each message of the later one, all of the earlier one's of this type. */
function replaying<M extends { readonly type: string; readonly context: RoundContext }>(
  type: string,
  isBefore: Boundary['isBefore'],
  kept: M[],
) {
  return (siteId: string, message: M): readonly M[] | undefined => {
    if (siteId !== VICTIM) return undefined;
    if (!isBefore(message.context)) return [...kept, message];
    if (message.type === type) kept.push(message);
    return undefined;
  };
}

export function secaggReplaySuite(): void {
  describe.each(BOUNDARIES)('a message of one $name in the next', ({ options, isBefore, unsaid }) => {
    it.each(DOWN.filter((type) => !unsaid.includes(type)))('%s, to a site', async (type) => {
      const expected = await undisturbed(options);
      const kept: CoordinatorMessage[] = [];
      restartSecrets();
      const outcome = await runSecagg(inMemory, { ...options, tamperDown: replaying(type, isBefore, kept) });
      expect(kept.length).toBeGreaterThan(0);
      expect(outcome.records.map(({ outcome: end }) => end)).toEqual(
        expected.records.map(({ outcome: end }) => end),
      );
      expect(outcome.finalWeights).toEqual(expected.finalWeights);
      // Neither more nor other answers about unmasking, and no key or share anew.
      const said = answersOf(outcome, 'a').filter((answer) => answer !== 'refuse');
      expect(said).toEqual(answersOf(expected, 'a'));
    });

    it.each(UP.filter((type) => !unsaid.includes(type)))('%s, to the coordinator', async (type) => {
      const expected = await undisturbed(options);
      const kept: SiteMessage[] = [];
      restartSecrets();
      const outcome = await runSecagg(inMemory, { ...options, tamperUp: replaying(type, isBefore, kept) });
      expect(kept.length).toBeGreaterThan(0);
      expect(outcome.records).toMatchObject(expected.records.map(({ outcome: end }) => ({ outcome: end })));
      expect(outcome.finalWeights).toEqual(expected.finalWeights);
      expect(outcome.records.at(-1)?.dropped).toEqual([]);
    });
  });

  it('a request with a signature of S + L: not answered', async () => {
    const outcome = await runSecagg(inMemory, {
      federation: { minimumCohort: 4 },
      tamperDown: (siteId, message) =>
        siteId === VICTIM && message.type === 'share-keys'
          ? [{ ...message, signature: malleate(message.signature) }]
          : undefined,
    });
    expect(outcome.refusalsOf('a')).toEqual(['bad-coordinator-signature']);
    expect(answersOf(outcome, 'a')).toEqual(['advertise']);
    expectOneSum(outcome);
  });

  describe('a message of one run in another', () => {
    const other = { runId: runIdSchema.parse('another-run') };

    it.each(DOWN.filter((type) => type !== 'aborted'))('%s, to a site', async (type) => {
      const counting = type === 'count';
      const first = await undisturbed({ ...other, counting, rounds: 2 });
      const kept = first.world.down.flatMap(({ siteId, message }) =>
        siteId === VICTIM && message.type === type ? [message] : [],
      );
      restartSecrets();
      const outcome = await runSecagg(inMemory, {
        // A replayed announcement is a valid one; the site is then in that round and not in this one.
        federation: { minimumCohort: 4 },
        counting,
        tamperDown: (siteId, message) => (siteId === VICTIM ? [message, ...kept] : undefined),
      });
      expect(kept.length).toBeGreaterThan(0);
      expectOneSum(outcome);
      // Nothing is unmasked twice, and nothing in the other run.
      const revealed = outcome.world.up.filter(({ message }) => message.type === 'unmasked');
      for (const { message } of revealed) expect(message.context.runId).toBe(RUN_ID);
    });

    it.each(UP)('%s, to the coordinator', async (type) => {
      const first = await undisturbed(other);
      const kept = first.world.up.flatMap(({ siteId, message }) =>
        siteId === VICTIM && message.type === type ? [message] : [],
      );
      restartSecrets();
      const outcome = await runSecagg(inMemory, {
        federation: { minimumCohort: 4 },
        tamperUp: (siteId, message) => (siteId === VICTIM ? [...kept, message] : undefined),
      });
      expect(kept.length).toBeGreaterThan(0);
      // No honest site says that: it has lost its place.
      expect(outcome.records[0]?.dropped).toMatchObject([{ siteId: 'a', reason: 'wrong-context' }]);
      expectOneSum(outcome);
    });
  });
}

/** Over any transport: nobody waits for a deadline. */
export function secaggForgeryContract(name: string, factory: TransportFactory): void {
  describe(`secure aggregation, forged in the coordinator’s name: ${name}`, () => {
    it.each(FORGERIES)('$name: ignored, and the round goes on with the site', async ({ forge }) => {
      let forged = 0;
      const outcome = await runSecagg(factory, {
        tamperDown: (siteId, message, world) => {
          if (siteId !== VICTIM) return undefined;
          const said = forge(message, world);
          forged += said.length;
          return [...said, message];
        },
      });
      expect(forged).toBeGreaterThan(0);
      expect(outcome.records).toMatchObject([{ outcome: 'published', survivors: ALL }]);
      expectOneSum(outcome);
      expect(answersOf(outcome, 'a')).toEqual(UP);
      expect(outcome.refusalsOf('a').length).toBeGreaterThan(0);
      for (const reason of outcome.refusalsOf('a')) expect(reason).toBe('bad-coordinator-signature');
    });
  });
}

/** One round is published, as the exact integer sum of whoever is said to be in it. */
function expectOneSum({ records, finalWeights, plan }: SecaggOutcome): void {
  const record = records.at(-1);
  const counted = needsClassCounts(plan) ? [{ outcome: 'counted' }] : [];
  expect(records).toMatchObject([...counted, { outcome: 'published' }]);
  const survivors = record?.outcome === 'published' ? record.survivors : [];
  expect(survivors.length).toBeGreaterThanOrEqual(4);
  expect(finalWeights).toEqual(expectedWeights(plan, survivors, 5));
}

interface Forgery {
  readonly name: string;
  /** What comes before a message. */
  readonly forge: (message: CoordinatorMessage, world: World) => readonly CoordinatorMessage[];
}

const stranger = createIdentity();
const NO_SIGNATURE = '0'.repeat(128);

/** Ends of the round, and refusals of each answer, signed as `sign` does. */
const closings = ({ context }: CoordinatorMessage): readonly CoordinatorMessage[] => [
  { type: 'aborted', context, reason: 'stopped', signature: NO_SIGNATURE },
  {
    ...{ type: 'published', context, newModelHash: context.modelHash },
    ...{ survivorCount: 5, sumDigest: '0'.repeat(128), signature: NO_SIGNATURE },
  },
];
const acks = ({ context }: CoordinatorMessage): readonly CoordinatorMessage[] =>
  UP.flatMap((of): CoordinatorMessage[] => [
    { type: 'ack', context, of, result: { status: 'late' }, signature: NO_SIGNATURE },
    { type: 'ack', context, of, result: { status: 'accepted' }, signature: NO_SIGNATURE },
    {
      ...{ type: 'ack', context, of, signature: NO_SIGNATURE },
      result: { status: 'rejected', reason: 'malformed' },
    },
  ]);

function byStranger(message: CoordinatorMessage): CoordinatorMessage {
  switch (message.type) {
    case 'ack': {
      const { purpose, fields } = ackStatement(message, VICTIM);
      return { ...message, signature: signStatement(stranger, purpose, fields) };
    }
    case 'published': {
      const { purpose, fields } = publishedStatement(message);
      return { ...message, signature: signStatement(stranger, purpose, fields) };
    }
    case 'aborted': {
      const { purpose, fields } = abortedStatement(message);
      return { ...message, signature: signStatement(stranger, purpose, fields) };
    }
    case 'announce':
    case 'share-keys':
    case 'relay':
    case 'train':
    case 'count':
    case 'survivors':
    case 'unmask':
      return message;
  }
}

/** Once the site is in the round. */
const isInRound = ({ type }: CoordinatorMessage): boolean => type !== 'announce';

const FORGERIES: readonly Forgery[] = [
  { name: 'the end of the round, unsigned', forge: (m) => (isInRound(m) ? closings(m) : []) },
  {
    name: 'the end of the round, signed by a stranger',
    forge: (m) => (isInRound(m) ? closings(m).map(byStranger) : []),
  },
  { name: 'acknowledgements, unsigned', forge: (m) => (isInRound(m) ? acks(m) : []) },
  {
    name: 'acknowledgements, signed by a stranger',
    forge: (m) => (isInRound(m) ? acks(m).map(byStranger) : []),
  },
  {
    name: 'what the coordinator has told another site',
    forge: (m, world) => (isInRound(m) ? acks(m).map((said) => world.resign(site('b'), said)) : []),
  },
  {
    name: 'an acknowledgement with another result',
    forge: (m) =>
      m.type === 'ack' && m.result.status === 'accepted' ? [{ ...m, result: { status: 'late' } }] : [],
  },
  {
    name: 'an end whose signature is S + L',
    forge: (m, world) =>
      isInRound(m)
        ? closings(m).map((said) => {
            const signed = world.resign(VICTIM, said);
            return { ...signed, signature: malleate(signed.signature) };
          })
        : [],
  },
];
