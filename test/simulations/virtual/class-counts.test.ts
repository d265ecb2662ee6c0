/** Whole federations that count their classes before they train, with sites that train by a formula. */
import { describe, expect, it } from 'vitest';
import type { RunPosition } from '../../../coordinator/run/run-options.ts';
import type { RoundReport } from '../../../coordinator/round/events.ts';
import type { LocalTrainer } from '../../../client/training/local-update.ts';
import { createIdentity } from '../../../shared/crypto/identity.ts';
import { signStatement } from '../../../shared/crypto/statement.ts';
import type { SiteId } from '../../../shared/ids.ts';
import {
  decodeCoordinatorMessage,
  encodeCoordinatorMessage,
  type Frame,
} from '../../../shared/protocol/codec.ts';
import { COUNTS_ROUND } from '../../../shared/protocol/class-counts.ts';
import type { CoordinatorMessage, MessageOf } from '../../../shared/protocol/messages.ts';
import type { Plan, PlanInput } from '../../../shared/protocol/plan.ts';
import { announceStatement } from '../../../shared/protocol/signatures.ts';
import { planOf, site, sites } from '../../coordinator/fixtures.ts';
import { formulaUpdate, runMini, type MiniOptions, type MiniResult } from './mini-federation.ts';

const names = ['a', 'b', 'c', 'd', 'e'];
type Mode = Plan['protection']['mode'];

function planWith(mode: Mode, federation: Partial<PlanInput['federation']> = {}): Plan {
  return planOf(
    { minimumCohort: 5, minimumSurvivors: 4, rounds: 2, ...federation },
    { training: { epochs: 1, classWeighting: { kind: 'federated' } }, protection: { mode } },
  );
}

/** Site number k (from 1) has k images of the first class and 10·k of the second. */
const own = (siteId: SiteId): readonly number[] => {
  const k = siteId.charCodeAt(0) - 96;
  return [k, 10 * k];
};
const totalOf = (...of: string[]): number[] =>
  [0, 1].map((label) => of.reduce((total, name) => total + (own(site(name))[label] ?? 0), 0));

interface Seen {
  readonly siteId: SiteId;
  readonly round: number;
  readonly classCounts: readonly number[] | undefined;
}

/** What comes of training depends on the counts that the site was told. */
function trainerOf(siteId: SiteId, seen: Seen[], counts = own(siteId)): LocalTrainer {
  return {
    count: () => Promise.resolve(counts),
    train: ({ weights, context, classCounts }) => {
      seen.push({ siteId, round: context.round, classCounts });
      const { delta, ...update } = formulaUpdate(siteId, weights);
      const [first = 0, second = 1] = classCounts ?? [];
      return Promise.resolve({ ...update, delta: delta.map((value) => value + first / second) });
    },
  };
}

interface CountsOptions extends MiniOptions {
  /** Other counts than `own`. */
  readonly counts?: Readonly<Record<string, readonly number[]>>;
}

async function run(mode: Mode, options: CountsOptions = {}): Promise<MiniResult & { readonly seen: Seen[] }> {
  const seen: Seen[] = [];
  const result = await runMini({
    names,
    plan: planWith(mode),
    sites: Object.fromEntries(
      sites(...(options.names ?? names)).map((siteId) => [
        siteId,
        { trainer: trainerOf(siteId, seen, options.counts?.[siteId]), policy: { minimumCohort: 4 } },
      ]),
    ),
    ...options,
  });
  return { ...result, seen };
}

const isUpdateOf = (frame: Frame, round: number): boolean =>
  frame.header.startsWith('{"type":"update"') && frame.header.includes(`"round":${String(round)},`);

const refusalsOf = ({ reports }: MiniResult, name: string): readonly string[] =>
  reports.flatMap(({ siteId, report }) =>
    siteId === name && report.kind === 'refused' ? [report.reason] : [],
  );

describe.each<Mode>(['secure-aggregation', 'box', 'plain'])('%s', (mode) => {
  it('counts first: the exact sum, which every site trains with in every round', async () => {
    const { records, end, seen } = await run(mode);
    const classCounts = totalOf(...names);
    expect(classCounts).toEqual([15, 150]);
    expect(end).toEqual({ kind: 'finished', because: 'all-rounds' });
    expect(records.map(({ outcome, round }) => [outcome, round])).toEqual([
      ['counted', COUNTS_ROUND],
      ['published', 1],
      ['published', 2],
    ]);
    expect(records[0]).toMatchObject({ survivors: sites(...names), classCounts });
    expect(seen).toHaveLength(10);
    for (const { classCounts: told } of seen) expect(told).toEqual(classCounts);
  });

  it('does not wait for a site whose counts are lost, and tells it the sum of the others all the same', async () => {
    const { records, seen } = await run(mode, {
      network: {
        intercept: (direction, siteId, frame) =>
          direction === 'up' && siteId === 'b' && isUpdateOf(frame, COUNTS_ROUND) ? [] : [frame],
      },
    });
    const classCounts = totalOf('a', 'c', 'd', 'e');
    expect(records[0]).toMatchObject({
      outcome: 'counted',
      survivors: sites('a', 'c', 'd', 'e'),
      dropped: [{ siteId: 'b', phase: 'training', reason: 'deadline' }],
      classCounts,
    });
    expect(records[1]).toMatchObject({ outcome: 'published', survivors: sites(...names) });
    expect(seen.filter(({ siteId }) => siteId === 'b')).toEqual([
      { siteId: 'b', round: 1, classCounts },
      { siteId: 'b', round: 2, classCounts },
    ]);
  });

  it.each<[string, readonly number[]]>([
    ['of too few classes', [3]],
    ['that are negative', [3, -1]],
    ['above what the ring holds for so many sites', [3, 858_993_460]],
  ])('names a site with counts %s, and goes on', async (_, counts) => {
    const result = await run(mode, { counts: { d: counts } });
    expect(result.records[0]).toMatchObject({
      outcome: 'counted',
      dropped: [{ siteId: 'd', reason: 'refused' }],
      classCounts: totalOf('a', 'b', 'c', 'e'),
    });
    expect(refusalsOf(result, 'd')).toContain('training-failed');
    const said = result.reports.flatMap(({ report }) =>
      report.kind === 'trainingFailed' ? [report.message] : [],
    );
    expect(said.join()).toContain(counts.map(String).join(', '));
  });

  it('goes on where it was left, without counting again, to the same model', async () => {
    const positions: RunPosition[] = [];
    const whole = await run(mode, {
      hooks: { attempt: (_, position) => void positions.push(position) },
    });
    for (const from of positions.slice(0, 2)) {
      const { records, finalWeights } = await run(mode, { from });
      expect(records.filter(({ outcome }) => outcome === 'counted')).toHaveLength(1);
      expect(finalWeights).toEqual(whole.finalWeights);
    }
  });
});

describe('under masks', () => {
  it('tells the coordinator the sum and of no single site', async () => {
    const reports: RoundReport[] = [];
    await run('secure-aggregation', { hooks: { report: (_, report) => reports.push(report) } });
    expect(reports.filter((report) => 'figures' in report)).toEqual([]);
    expect(reports.filter(({ kind }) => kind === 'counted')).toEqual([
      { kind: 'counted', classCounts: [15, 150], survivorCount: 5 },
    ]);
  });

  it('counts in 32 bits where updates are summed in 8', async () => {
    const { protection, ...plan } = planWith('secure-aggregation', { rounds: 1 });
    if (!protection.ring) throw new Error('masks need a ring');
    const narrow = { ...plan, protection: { ...protection, ring: { ...protection.ring, bits: 8 as const } } };
    const { records } = await run('secure-aggregation', { plan: narrow });
    expect(records).toMatchObject([{ outcome: 'counted', classCounts: [15, 150] }, { outcome: 'published' }]);
  });

  it('tries again when too few answer, and fails the run after the plan’s number of attempts', async () => {
    const refusing = { policy: { approvedPlans: [] } };
    const result = await runMini({
      names,
      plan: planWith('secure-aggregation', { maximumConsecutiveAborts: 2 }),
      sites: { a: refusing, b: refusing },
    });
    expect(result.records.map(({ round, attempt }) => [round, attempt])).toEqual([
      [0, 1],
      [0, 2],
    ]);
    expect(result.end).toEqual({ kind: 'failed', reason: 'cohort-below-minimum' });
  });
});

describe('a coordinator that lies about the counts', () => {
  type Announce = MessageOf<CoordinatorMessage, 'announce'>;

  /** Site a is announced something else in this round, validly signed. */
  function lying(round: number, change: (message: Announce) => Announce): CountsOptions {
    const identity = createIdentity();
    const intercept = (direction: 'up' | 'down', siteId: SiteId, frame: Frame): readonly Frame[] => {
      if (direction === 'up' || siteId !== 'a') return [frame];
      const decoded = decodeCoordinatorMessage(frame, 1 << 20);
      if (!decoded.ok || decoded.message.type !== 'announce') return [frame];
      if (decoded.message.context.round !== round) return [frame];
      const message = change(decoded.message);
      const { purpose, fields } = announceStatement(message);
      return [encodeCoordinatorMessage({ ...message, signature: signStatement(identity, purpose, fields) })];
    };
    return { identity, names: [...names, 'f'], network: { intercept } };
  }
  const without = ({ type, context, plan, cohort, boxKey, masking, signature }: Announce): Announce => ({
    ...{ type, context, plan, cohort, boxKey, signature },
    ...(masking && { masking }),
  });

  it.each<[string, string, number, (message: Announce) => Announce]>([
    ['fewer than the site’s own', 'counts-too-low', 1, (m) => ({ ...m, classCounts: [21, 9] })],
    ['of other classes', 'counts-mismatch', 1, (m) => ({ ...m, classCounts: [21, 210, 1] })],
    ['none', 'counts-mismatch', 1, without],
    ['others than the round before', 'counts-mismatch', 2, (m) => ({ ...m, classCounts: [21, 211] })],
    ['before anyone has counted', 'counts-mismatch', 0, (m) => ({ ...m, classCounts: [21, 210] })],
  ])('%s: refused in every mode (%s)', async (_, reason, round, change) => {
    for (const mode of ['secure-aggregation', 'plain'] as const) {
      const result = await run(mode, lying(round, change));
      expect(refusalsOf(result, 'a')).toEqual([reason]);
      const record = result.records.find((attempt) => attempt.round === round);
      expect(record?.dropped).toMatchObject([{ siteId: 'a', reason: 'refused' }]);
    }
  });

  it('to one site, plausibly: under masks that site has other terms than all others, and its update is in no sum', async () => {
    const result = await run(
      'secure-aggregation',
      lying(1, (m) => ({ ...m, classCounts: [21, 211] })),
    );
    const [, first] = result.records;
    expect(first).toMatchObject({
      outcome: 'published',
      survivors: sites('b', 'c', 'd', 'e', 'f'),
      dropped: [{ siteId: 'a', phase: 'advertising', reason: 'wrong-context' }],
    });
    expect(result.seen.filter(({ siteId, round }) => siteId === 'a' && round === 1)).toEqual([]);
  });
});
