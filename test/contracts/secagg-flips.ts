/**
 * One bit of one message changed on its way, in either direction, in hundreds of places: whoever gets it does not answer
 * what was changed, the others go on, and what is published is the exact sum of whoever is said to be in it.
 */
import { describe, expect, it } from 'vitest';
import { createRng, deriveSeed, type Rng } from '../../shared/rng.ts';
import type { Frame } from '../../shared/protocol/codec.ts';
import type { CoordinatorMessage, SiteMessage } from '../../shared/protocol/messages.ts';
import { passed, VICTIM } from './secagg-cheating.ts';
import { restartSecrets } from './remembered-crypto.ts';
import { inMemory } from './secagg-transports.ts';
import {
  expectedCounts,
  expectedWeights,
  runSecagg,
  site,
  type SecaggOptions,
  type SecaggOutcome,
} from './secagg-world.ts';

type Down = CoordinatorMessage['type'];
type Up = SiteMessage['type'];

/** The answer that must not come; the site leaves a round of which the messages before `survivors` were changed. */
const UNANSWERED: Readonly<Record<Exclude<Down, 'ack' | 'published' | 'aborted'>, Up>> = {
  announce: 'advertise',
  'share-keys': 'shares',
  relay: 'update',
  train: 'update',
  count: 'update',
  survivors: 'consistent',
  unmask: 'unmasked',
};
const QUESTIONS = Object.keys(UNANSWERED) as (keyof typeof UNANSWERED)[];
const NOTICES = ['ack', 'published', 'aborted'] as const;
const ANSWERS = ['advertise', 'shares', 'update', 'consistent', 'unmasked', 'progress', 'refuse'] as const;
/** A changed message of these types costs the site its place, but not its update, which is in the sum. */
const AFTER_THE_SUM: readonly Up[] = ['consistent', 'unmasked'];

/** Places in each type of message. */
const FLIPS = 20;
/** And in the answer to `count`, which has another payload than every other update. */
export const FLIP_COUNT = FLIPS * (QUESTIONS.length + NOTICES.length + ANSWERS.length + 1);
const SEED = 20_261_123;

const isFrameOf = ({ header }: Frame, type: string): boolean => header.startsWith(`{"type":"${type}"`);

interface Flip {
  readonly place: string;
  readonly change: (frame: Frame) => Frame;
}

/** Behind the name of the type, by which the transport knows the frame; half of them in the payload, where there is one. */
function flipOf(rng: Rng, label: string): Flip {
  const [inPayload, at, bit] = [rng.integer(2) === 0, rng.uniform(), rng.integer(8)];
  const place = `${label}, ${inPayload ? 'payload' : 'header'} at ${at.toFixed(4)}, bit ${String(bit)}`;
  const change = ({ header, payload }: Frame): Frame => {
    if (payload && inPayload) {
      const changed = payload.slice();
      const index = Math.floor(at * changed.length);
      changed[index] = (changed[index] ?? 0) ^ (1 << bit);
      return { header, payload: changed };
    }
    const start = header.indexOf(',') + 1;
    const index = start + Math.floor(at * (header.length - start));
    // All headers are ASCII.
    const code = header.charCodeAt(index) ^ (1 << (bit % 7));
    const changed = header.slice(0, index) + String.fromCharCode(code) + header.slice(index + 1);
    return { header: changed, ...(payload && { payload }) };
  };
  return { place, change };
}

/** The victim's messages of a type; `times`: how many of them at most. */
const onto = (type: string, change: Flip['change'], times = Infinity) => {
  let left = times;
  return (siteId: string, frame: Frame): Frame =>
    siteId === VICTIM && isFrameOf(frame, type) && left-- > 0 ? change(frame) : frame;
};

const ALL = ['a', 'b', 'c', 'd', 'e'].map(site);
const without = (names: readonly string[]) => ALL.filter((siteId) => !names.includes(siteId));

function expectExact(outcome: SecaggOutcome, place: string, lost: readonly string[]): void {
  const record = outcome.records.at(-1);
  const survivors = without(lost);
  expect(record, place).toMatchObject({ outcome: 'published', survivors });
  expect(outcome.finalWeights, place).toEqual(expectedWeights(outcome.plan, survivors, 5));
}

/** The sum of the counts is that of the others; the site that was lost is back for the round after it. */
function expectCounted(outcome: SecaggOutcome, place: string, lost: readonly string[]): void {
  const survivors = without(lost);
  const classCounts = expectedCounts(survivors);
  expect(outcome.records, place).toMatchObject([
    { outcome: 'counted', survivors, classCounts },
    { outcome: 'published' },
  ]);
  expectExact(outcome, place, []);
}

/** The round that comes first: of counts, or 1. */
const firstAnswers = ({ world, records }: SecaggOutcome): readonly Up[] =>
  world.up.flatMap(({ siteId, message }) =>
    siteId === VICTIM && message.context.round === records[0]?.round ? [message.type] : [],
  );

function expectOneDrop({ records }: SecaggOutcome, place: string): void {
  const reasons = records[0]?.dropped.map(({ siteId, reason }) => [siteId, reason]) ?? [];
  expect(reasons, place).toHaveLength(1);
  expect(['malformed', 'bad-signature'], place).toContain(reasons[0]?.[1]);
}

/** For each of the flips of a type, by a seed of its own. */
async function eachFlip(type: string, test: (flip: Flip) => Promise<void>): Promise<void> {
  const rng = createRng(deriveSeed('secagg/flips', SEED, type));
  for (let i = 0; i < FLIPS; i++) {
    restartSecrets();
    await test(flipOf(rng, `seed ${String(SEED)}, ${type}, number ${String(i)}`));
  }
}

const federation = { minimumCohort: 4 };

export function secaggFlipSuite(): void {
  describe('secure aggregation, flipped bits', () => {
    it.each(QUESTIONS)('in %s: the site does not answer it', async (type) => {
      await eachFlip(type, async ({ place, change }) => {
        const counting = type === 'count';
        const outcome = await runSecagg(inMemory, { federation, counting, mangleDown: onto(type, change) });
        expect(firstAnswers(outcome), place).not.toContain(UNANSWERED[type]);
        const lost = type !== 'survivors' && type !== 'unmask' ? ['a'] : [];
        if (counting) expectCounted(outcome, place, lost);
        else expectExact(outcome, place, lost);
      });
    });

    it.each(['ack', 'published'] as const)('in %s: nothing changes', async (type) => {
      await eachFlip(type, async ({ place, change }) => {
        const changed = { federation, mangleDown: onto(type, change), afterwards: passed };
        const outcome = await runSecagg(inMemory, changed);
        expectExact(outcome, place, []);
        for (const reason of outcome.refusalsOf('a')) expect(reason, place).toBe('bad-coordinator-signature');
        const closed = outcome.reportsOf('a').filter(({ kind }) => kind === 'closed');
        expect(closed, place).toHaveLength(type === 'published' ? 0 : 1);
      });
    });

    it('in aborted: nothing changes', async () => {
      await eachFlip('aborted', async ({ place, change }) => {
        const outcome = await runSecagg(inMemory, { ...TWO_ATTEMPTS, mangleDown: onto('aborted', change) });
        expect(outcome.records, place).toMatchObject([
          { outcome: 'aborted', reason: 'below-threshold' },
          { round: 1, attempt: 2, outcome: 'published', survivors: ['a', 'b', 'c', 'd', 'e'] },
        ]);
        for (const reason of outcome.refusalsOf('a')) expect(reason, place).toBe('bad-coordinator-signature');
      });
    });

    it.each(ANSWERS)('in %s: the site loses its place and the round goes on', async (type) => {
      await eachFlip(type, async ({ place, change }) => {
        const outcome = await runSecagg(inMemory, {
          federation,
          tamperUp: rare(type),
          mangleUp: onto(type, change),
        });
        expectExact(outcome, place, AFTER_THE_SUM.includes(type) ? [] : ['a']);
        expectOneDrop(outcome, place);
      });
    });

    it('in the counts of a site: they are not in the sum', async () => {
      await eachFlip('counts', async ({ place, change }) => {
        const mangleUp = onto('update', change, 1);
        const outcome = await runSecagg(inMemory, { federation, counting: true, mangleUp });
        expectCounted(outcome, place, ['a']);
        expectOneDrop(outcome, place);
      });
    });

    it('is hundreds of places', () => {
      expect(FLIP_COUNT).toBe(360);
    });
  });
}

/** Two sites are gone for a moment: the first attempt ends before anything is trained, the second has everyone. */
export const TWO_ATTEMPTS: SecaggOptions = {
  federation: { minimumCohort: 5, maximumConsecutiveAborts: 2 },
  drops: { d: 'before shares', e: 'before shares' },
  backAfterMs: 100,
};

/** Makes the victim say what an honest site says only now and then. */
function rare(type: Up): NonNullable<SecaggOptions['tamperUp']> {
  return (siteId, message, world) => {
    if (siteId !== VICTIM) return undefined;
    const { context } = message;
    if (type === 'progress' && message.type === 'update') {
      const told = { type, context, siteId, steps: 3, signature: message.signature } as const;
      return [world.resignSite(told), message];
    }
    if (type === 'refuse' && message.type === 'advertise') {
      const told = {
        type,
        context,
        siteId,
        reason: 'training-failed',
        signature: message.signature,
      } as const;
      return [world.resignSite(told)];
    }
    return undefined;
  };
}
