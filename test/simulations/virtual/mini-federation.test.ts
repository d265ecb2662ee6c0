/** The real run, rounds, agents and codec together, with sites that lie, straggle, vanish and refuse. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RoundEvent, RoundStart } from '../../../coordinator/round/events.ts';
import type { AttemptRecord } from '../../../coordinator/run/progress.ts';
import type { LocalTrainer } from '../../../client/training/local-update.ts';
import { createIdentity } from '../../../shared/crypto/identity.ts';
import { signStatement } from '../../../shared/crypto/statement.ts';
import { encodeSiteMessage, type Frame } from '../../../shared/protocol/codec.ts';
import { siteMessageSchema } from '../../../shared/protocol/messages.ts';
import type { DropReason } from '../../../shared/protocol/reasons.ts';
import { updateStatement } from '../../../shared/protocol/signatures.ts';
import { sealedUpdateBytes, type UpdatePayload } from '../../../shared/protocol/update-payload.ts';
import { planOf, site, sites } from '../../coordinator/fixtures.ts';
import { formulaUpdate, runMini, type MiniOptions, type MiniResult, type World } from './mini-federation.ts';

const firstRound = (result: MiniResult): AttemptRecord => {
  const [record] = result.records;
  if (!record) throw new Error('no round was attempted');
  return record;
};
const oneRound = planOf({ rounds: 1 });
const dropsOf = (result: MiniResult): Record<string, DropReason> =>
  Object.fromEntries(firstRound(result).dropped.map(({ siteId, reason }) => [siteId, reason]));

/** What a naive loop over rounds gives for the formula of the sites. */
function expectedWeights(names: readonly string[], rounds: number): number {
  let weight = 0;
  for (let round = 0; round < rounds; round++) {
    const updates = sites(...names).map((siteId) => formulaUpdate(siteId, Float32Array.of(weight)));
    const total = updates.reduce((sum, u) => sum + u.exampleCount, 0);
    weight += updates.reduce((sum, u) => sum + u.exampleCount * (u.delta[0] ?? 0), 0) / total;
  }
  return weight;
}

describe('a federation of three', () => {
  it('averages round after round as a naive loop does, and all sites hear the end', async () => {
    const result = await runMini();
    expect(result.end).toEqual({ kind: 'finished', because: 'all-rounds' });
    expect(result.records.map(({ outcome, round }) => [outcome, round])).toEqual([
      ['published', 1],
      ['published', 2],
      ['published', 3],
    ]);
    for (const weight of result.finalWeights)
      expect(weight).toBeCloseTo(expectedWeights(['a', 'b', 'c'], 3), 6);
    const closed = result.reports.filter(({ report }) => report.kind === 'closed');
    // The run is over with the last publication, which is then still on its way.
    expect(closed).toHaveLength(6);
  });

  it('counts the bytes of each site in both directions', async () => {
    const { transport } = await runMini({ plan: oneRound });
    const { up, down } = transport.trafficOf(site('a'));
    expect(up).toBeGreaterThan(sealedUpdateBytes(4));
    expect(up).toBeLessThan(sealedUpdateBytes(4) + 3000);
    expect(down).toBeGreaterThan(16);
  });

  it('gives bit-identical weights whatever the latencies', async () => {
    const reference = await runMini();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 3, maxLength: 3 }),
        async (ms) => {
          const latencyMs = (siteId: string): number => ms[siteId.charCodeAt(0) - 97] ?? 1;
          const { finalWeights } = await runMini({ network: { latencyMs } });
          expect(finalWeights).toEqual(reference.finalWeights);
        },
      ),
      { numRuns: 15 },
    );
  });

  it('gives the same when every frame arrives twice', async () => {
    const reference = await runMini();
    const twice = await runMini({ network: { intercept: (_direction, _siteId, frame) => [frame, frame] } });
    expect(twice.finalWeights).toEqual(reference.finalWeights);
    expect(twice.records).toEqual(reference.records);
  });

  it('keeps the best model by validation, not the last', async () => {
    const scores = [0.6, 0.9, 0.7];
    let evaluations = 0;
    const result = await runMini({
      evaluate: () => Promise.resolve({ loss: 1, score: scores[evaluations++], metrics: {} }),
    });
    expect(result.best?.round).toBe(2);
    expect(result.best?.weights[0]).toBeCloseTo(expectedWeights(['a', 'b', 'c'], 2), 6);
  });
});

const lying = (change: (honest: UpdatePayload) => UpdatePayload): LocalTrainer => ({
  train: ({ siteId, weights }) => Promise.resolve(change(formulaUpdate(siteId, weights))),
});
const delta = (values: Float32Array) => lying((honest) => ({ ...honest, delta: values }));

describe('a site that misbehaves is dropped by name and the round goes on', () => {
  const only = async (options: MiniOptions, reason: DropReason): Promise<MiniResult> => {
    const result = await runMini({ plan: oneRound, ...options });
    expect(dropsOf(result)).toEqual({ b: reason });
    expect(firstRound(result)).toMatchObject({ outcome: 'published', survivors: sites('a', 'c') });
    expect(result.finalWeights[0]).toBeCloseTo(expectedWeights(['a', 'c'], 1), 6);
    return result;
  };

  it.each<[DropReason, string, LocalTrainer]>([
    ['wrong-shape', 'too few values', delta(new Float32Array(3))],
    ['non-finite', 'NaN', delta(Float32Array.of(0, Number.NaN, 0, 0))],
    ['non-finite', 'infinity', delta(Float32Array.of(0, 0, 0, Infinity))],
    ['out-of-range', 'a huge value', delta(Float32Array.of(3e38, 0, 0, 0))],
    ['oversize', 'too many values', delta(new Float32Array(5))],
  ])('%s: %s', async (reason, _, trainer) => {
    await only({ sites: { b: { trainer } } }, reason);
  });

  it('over-norm: it moves the weights further than the plan allows', async () => {
    // The honest ones have L2 norms of 0.2 and 0.6.
    const plan = planOf({ rounds: 1, maximumUpdateL2Norm: 0.7 });
    const trainer = delta(Float32Array.of(0.4, 0.4, 0.4, -0.4));
    await only({ plan, sites: { b: { trainer } } }, 'over-norm');
    const honest = await runMini({ plan });
    expect(firstRound(honest)).toMatchObject({ survivors: sites('a', 'b', 'c') });
  });

  it('refused: its training fails, and the reason stays with it', async () => {
    const trainer: LocalTrainer = { train: () => Promise.reject(new Error('patient 17 is broken')) };
    const seen: Frame[] = [];
    const intercept = (_direction: string, _siteId: string, frame: Frame): Frame[] => {
      seen.push(frame);
      return [frame];
    };
    const result = await only({ sites: { b: { trainer } }, network: { intercept } }, 'refused');
    const told = result.reports.find(({ report }) => report.kind === 'trainingFailed');
    expect(told).toMatchObject({ siteId: 'b', report: { message: 'patient 17 is broken' } });
    expect(JSON.stringify(seen)).not.toContain('patient');
  });

  it.each<[string, MiniOptions['sites']]>([
    ['it has not approved the plan', { b: { policy: { approvedPlans: [] } } }],
    ['its policy asks for a larger cohort', { b: { policy: { minimumCohort: 4 } } }],
  ])('refused: %s', async (_, unwilling) => {
    await only({ sites: unwilling ?? {} }, 'refused');
  });

  it('silent: it is enrolled with another coordinator', async () => {
    await only({ sites: { b: { coordinatorKey: createIdentity().publicKey } } }, 'deadline');
  });

  const ofB = (change: (frame: Frame) => readonly Frame[], direction = 'up'): MiniOptions => ({
    network: {
      intercept: (way, siteId, frame) =>
        way === direction && siteId === 'b' && frame.payload ? change(frame) : [frame],
    },
  });

  it.each<[DropReason, MiniOptions]>([
    [
      'bad-signature',
      ofB((frame) => [{ ...frame, payload: (frame.payload ?? new Uint8Array()).map((x) => x ^ 1) }]),
    ],
    ['malformed', ofB(() => [{ header: '{"type":"update"}' }])],
    ['oversize', ofB((frame) => [{ ...frame, payload: new Uint8Array(100_000) }])],
    ['bad-signature', ofB((frame) => [{ ...frame, header: frame.header.replace('"round":1', '"round":2') }])],
    [
      'bad-signature',
      ofB((frame) => [{ ...frame, header: frame.header.replace('"siteId":"b"', '"siteId":"a"') }]),
    ],
    ['deadline', ofB(() => [])],
  ])('%s: its update is changed on the way', async (reason, options) => {
    await only(options, reason);
  });

  it('undecryptable: it signs bytes that no box is', async () => {
    const arranged: { world?: World } = {};
    const options = ofB((frame) => {
      const identity = arranged.world?.identities.get(site('b'));
      const message = siteMessageSchema.parse({ ...JSON.parse(frame.header), payload: frame.payload });
      if (!identity || message.type !== 'update') return [frame];
      const payload = new Uint8Array(sealedUpdateBytes(4)).fill(9);
      const { purpose, fields } = updateStatement({ ...message, payload });
      return [
        encodeSiteMessage({ ...message, payload, signature: signStatement(identity, purpose, fields) }),
      ];
    });
    await only({ ...options, arrange: (world) => (arranged.world = world) }, 'undecryptable');
  });

  it('refused: the coordinator’s model is changed on the way to it', async () => {
    await only(
      ofB((frame) => [{ ...frame, payload: new Uint8Array(16).fill(1) }], 'down'),
      'refused',
    );
  });

  it('deadline: it trains longer than the plan allows', async () => {
    const arranged: { world?: World } = {};
    const trainer: LocalTrainer = {
      train: ({ siteId, weights, signal }) =>
        new Promise((resolve, reject) => {
          signal.addEventListener('abort', reject);
          arranged.world?.clock.schedule(4000, () => {
            resolve(formulaUpdate(siteId, weights));
          });
        }),
    };
    await only({ sites: { b: { trainer } }, arrange: (world) => (arranged.world = world) }, 'deadline');
  });

  it('disconnected: it vanishes before it has trained, and comes back for the next round', async () => {
    const arranged: { world?: World } = {};
    const trainer: LocalTrainer = {
      train: ({ context, siteId, weights, signal }) => {
        if (context.round > 1) return Promise.resolve(formulaUpdate(siteId, weights));
        arranged.world?.transport.disconnect(siteId);
        arranged.world?.clock.schedule(1, () => arranged.world?.transport.reconnect(siteId));
        return new Promise((_, reject) => {
          signal.addEventListener('abort', reject);
        });
      },
    };
    const result = await runMini({
      plan: planOf({ rounds: 2 }),
      sites: { b: { trainer } },
      arrange: (world) => (arranged.world = world),
    });
    expect(dropsOf(result)).toEqual({ b: 'disconnected' });
    expect(result.records[1]).toMatchObject({ outcome: 'published', survivors: sites('a', 'b', 'c') });
  });
});

describe('a run that cannot go on', () => {
  it('fails after the plan’s number of aborted attempts, with the reason', async () => {
    const refusing = { policy: { approvedPlans: [] } };
    const result = await runMini({ sites: { a: refusing, b: refusing } });
    expect(result.end).toEqual({ kind: 'failed', reason: 'cohort-below-minimum' });
    expect(result.records.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(result.best).toBeUndefined();
  });

  it('does not wait for ever for sites that never come', async () => {
    const result = await runMini({ names: ['a'] });
    expect(result.end).toEqual({ kind: 'failed', reason: 'cohort-below-minimum' });
  });

  it('stops in the middle of a round', async () => {
    const controller = new AbortController();
    const trainer: LocalTrainer = {
      train: ({ context, siteId, weights }) => {
        if (context.round === 2) controller.abort();
        return Promise.resolve(formulaUpdate(siteId, weights));
      },
    };
    const result = await runMini({ sites: { b: { trainer } }, signal: controller.signal });
    expect(result.end).toEqual({ kind: 'stopped' });
    expect(result.records.at(-1)).toMatchObject({ round: 2, outcome: 'aborted', reason: 'stopped' });
  });

  it('says when the coordinator’s own evaluation or journal is broken', async () => {
    await expect(runMini({ evaluate: () => Promise.reject(new Error('no labels')) })).rejects.toThrow(
      'the global model cannot be evaluated: no labels',
    );
    await expect(
      runMini({ journal: { append: () => Promise.reject(new Error('disk full')) } }),
    ).rejects.toThrow('disk full');
  });

  it('sends nothing before the journal has it', async () => {
    const order: string[] = [];
    await runMini({
      plan: oneRound,
      journal: {
        append: (entry: RoundStart | RoundEvent) => {
          order.push(`journal ${entry.kind}`);
          return Promise.resolve();
        },
      },
      network: {
        intercept: (direction, siteId, frame) => {
          if (direction === 'down')
            order.push(`send ${siteId} ${/"type":"(\w+)"/.exec(frame.header)?.[1] ?? ''}`);
          return [frame];
        },
      },
    });
    expect(order.slice(0, 6)).toEqual([
      'journal begin',
      'send a announce',
      'send b announce',
      'send c announce',
      'journal answered',
      'send a ack',
    ]);
    const published = order.findIndex((line) => line.includes('published'));
    expect(order.slice(0, published)).toContain('journal evaluated');
  });
});
