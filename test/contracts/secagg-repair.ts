/**
 * A site whose shares are of other secrets than the ones it uses spoils the sum, and is only seen to do so when masks have come
 * off. The proof of it lets the others repeat the round at once without it; and nothing but such a proof does.
 */
import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../shared/crypto/bytes.ts';
import type { BadSecret } from '../../shared/protocol/bad-secret.ts';
import type { CoordinatorMessage, MessageOf } from '../../shared/protocol/messages.ts';
import { VICTIM } from './secagg-cheating.ts';
import { CHEAT, dealsOtherSecrets, OTHERS } from './secagg-dealing.ts';
import {
  expectedWeights,
  runSecagg,
  site,
  type SecaggOptions,
  type SecaggOutcome,
  type TransportFactory,
  type World,
} from './secagg-world.ts';

type Announce = MessageOf<CoordinatorMessage, 'announce'>;

const federation = { minimumCohort: 4, maximumConsecutiveAborts: 2 };

/** What the victim is told about the repetition instead. */
function misrepeated(
  change: (message: Announce, world: World) => Announce,
): NonNullable<SecaggOptions['tamperDown']> {
  return (siteId, message, world) =>
    siteId === VICTIM && message.type === 'announce' && message.context.attempt === 2
      ? [world.resign(siteId, change(message, world))]
      : undefined;
}

const withProofs = (message: Announce, change: (proof: BadSecret) => BadSecret): Announce => {
  const { masking } = message;
  const { repair } = masking ?? {};
  if (!masking || !repair) throw new Error('the repetition comes with proofs');
  return { ...message, masking: { ...masking, repair: { ...repair, proofs: repair.proofs.map(change) } } };
};

const flipped = (hex: string): string => {
  const bytes = fromHex(hex);
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return toHex(bytes);
};

/** Of the first attempt, with the shares that the sites have revealed of it. */
const CHEATS: readonly (readonly [string, (message: Announce, world: World) => Announce])[] = [
  ['without a proof', ({ masking, ...message }) => ({ ...message, ...withoutRepair(masking) })],
  ['with one site fewer', (message) => ({ ...message, cohort: message.cohort.slice(0, 3) })],
  ['with the cheat again', (message) => ({ ...message, cohort: ['a', 'b', 'c', 'd', 'e'].map(site) })],
  [
    'with a share changed',
    (message) =>
      withProofs(message, (proof) => ({
        ...proof,
        shares: proof.shares.map(({ holder, share }) => ({ holder, share: flipped(share) })),
      })),
  ],
  [
    'with too few shares',
    (message) => withProofs(message, (proof) => ({ ...proof, shares: proof.shares.slice(1) })),
  ],
  [
    'with one share several times',
    (message) =>
      withProofs(message, (proof) => ({
        ...proof,
        shares: proof.shares.flatMap(() => proof.shares.slice(0, 1)),
      })),
  ],
  [
    'with other commitments',
    (message) => withProofs(message, (proof) => ({ ...proof, dealt: flipped(proof.dealt) })),
  ],
  [
    'with a proof about an honest site',
    (message) => ({
      ...withProofs(message, (proof) => ({ ...proof, siteId: site('c') })),
      cohort: ['a', 'b', 'd', 'e'].map(site),
    }),
  ],
  [
    'of another attempt',
    (message) => {
      const { masking } = message;
      if (!masking?.repair) throw new Error('the repetition comes with proofs');
      return { ...message, masking: { ...masking, repair: { ...masking.repair, attempt: 7 } } };
    },
  ],
];

function withoutRepair(masking: Announce['masking']): Pick<Announce, 'masking'> {
  if (!masking) return {};
  const { rosterHash, threshold, previous } = masking;
  return { masking: { rosterHash, threshold, previous } };
}

const trainingsOf = ({ world }: SecaggOutcome, name: string): number =>
  world.trained.filter((siteId) => siteId === name).length;

export function secaggRepairContract(name: string, factory: TransportFactory): void {
  describe(`secure aggregation, a repeated round: ${name}`, () => {
    it('other secrets dealt than are in use: named with a proof, and the same round goes on without it', async () => {
      const outcome = await runSecagg(factory, { federation, tamperUp: dealsOtherSecrets() });
      const culprit = { kind: 'culprit', siteId: CHEAT, reason: 'bad-secret' };
      expect(outcome.coordinatorReports).toContainEqual(culprit);
      expect(outcome.records).toMatchObject([
        { round: 1, attempt: 1, outcome: 'aborted', reason: 'unmasking-failed', spent: true },
        { round: 1, attempt: 2, outcome: 'published', survivors: OTHERS },
      ]);
      expect(outcome.finalWeights).toEqual(expectedWeights(outcome.plan, OTHERS, 4));
      // The finished update is masked anew.
      for (const other of OTHERS) expect(trainingsOf(outcome, other)).toBe(1);
    });

    it('other secrets dealt by a site that drops: the masks that it leaves behind cannot be taken off', async () => {
      const outcome = await runSecagg(factory, {
        federation,
        drops: { b: 'before update' },
        tamperUp: dealsOtherSecrets(),
      });
      expect(outcome.records).toMatchObject([
        { round: 1, attempt: 1, outcome: 'aborted', reason: 'unmasking-failed', spent: true },
        { round: 1, attempt: 2, outcome: 'published', survivors: OTHERS },
      ]);
      expect(outcome.finalWeights).toEqual(expectedWeights(outcome.plan, OTHERS, 4));
    });

    it.each(CHEATS)('%s: refused by who has unmasked', async (_, change) => {
      const outcome = await runSecagg(factory, {
        federation,
        tamperUp: dealsOtherSecrets(),
        tamperDown: misrepeated(change),
      });
      expect(outcome.refusalsOf('a')).toEqual(['already-unmasked']);
      const said = outcome.world.up.filter(
        ({ siteId, message }) => siteId === VICTIM && message.context.attempt === 2,
      );
      expect(said.map(({ message }) => message.type)).toEqual(['refuse']);
    });

    it('a repetition in which a site is said to have dropped: nobody signs the survivors', async () => {
      const outcome = await runSecagg(factory, {
        federation,
        tamperUp: dealsOtherSecrets(),
        tamperDown: (siteId, message, world) =>
          message.type === 'survivors' && message.context.attempt === 2
            ? [world.resign(siteId, { ...message, survivors: message.survivors.slice(0, 3) })]
            : undefined,
      });
      for (const other of ['a', 'c', 'd']) expect(outcome.refusalsOf(other)).toEqual(['sites-changed']);
      const second = outcome.world.up.filter(({ message }) => message.context.attempt === 2);
      expect(second.filter(({ message }) => message.type === 'unmasked')).toEqual([]);
      expect(second.filter(({ message }) => message.type === 'consistent')).toEqual([]);
    });

    it('too few others are left: the round is given up, and its number is not used again', async () => {
      const outcome = await runSecagg(factory, {
        federation: { minimumCohort: 5, maximumConsecutiveAborts: 2 },
        tamperUp: dealsOtherSecrets(),
      });
      expect(outcome.records.slice(0, 1)).toMatchObject([{ round: 1, attempt: 1, spent: true }]);
      expect(outcome.records.some(({ attempt }) => attempt === 2)).toBe(false);
    });
  });
}
