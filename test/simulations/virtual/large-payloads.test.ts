/** The real run and agents with payloads that do not fit into one frame. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LocalTrainer } from '../../../client/training/local-update.ts';
import type { Frame } from '../../../shared/protocol/codec.ts';
import { corruptFrame } from '../../../simulations/faults/corruption.ts';
import { updateBytes } from '../../../shared/protocol/update-payload.ts';
import { planOf, site, sites } from '../../coordinator/fixtures.ts';
import { formulaUpdate, runMini, type MiniOptions, type MiniResult, type World } from './mini-federation.ts';

const PARAMETERS = 50;
const large = { parameterCount: PARAMETERS };
const plan = planOf({ rounds: 2 }, large);
type Network = NonNullable<MiniOptions['network']>;
const typeOf = ({ header }: Frame): string => /"type":"([a-z-]+)"/.exec(header)?.[1] ?? '';
const dropsOf = ({ records }: MiniResult): unknown => records[0]?.dropped;

/** Counts the chunks that b sends, and changes them. */
function chunksOfB(change: (frame: Frame, number: number) => readonly Frame[]): Network {
  let number = 0;
  return {
    intercept: (direction, siteId, frame) =>
      direction === 'up' && siteId === 'b' && typeOf(frame) === 'transfer-chunk'
        ? change(frame, ++number)
        : [frame],
  };
}

describe('models and updates in chunks', () => {
  it('give the same weights for every chunk size, also when every frame arrives twice', async () => {
    const { finalWeights, records } = await runMini({ plan });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 7, max: 400 }), fc.boolean(), async (chunkBytes, twice) => {
        const network: Network = {
          intercept: (_direction, _siteId, frame) => (twice ? [frame, frame] : [frame]),
        };
        const chunked = await runMini({ plan, chunkBytes, network });
        expect(chunked.finalWeights).toEqual(finalWeights);
        expect(chunked.records).toEqual(records);
      }),
      { numRuns: 10 },
    );
  });

  it('go on where they were when a connection was lost for a moment', async () => {
    const reference = await runMini({ plan });
    const arranged: { world?: World } = {};
    const offsets: number[] = [];
    const result = await runMini({
      plan,
      chunkBytes: 16,
      arrange: (world) => (arranged.world = world),
      network: chunksOfB((frame, number) => {
        offsets.push(Number(/"offset":(\d+)/.exec(frame.header)?.[1]));
        if (number === 9) {
          const { transport, clock } = arranged.world ?? {};
          transport?.interrupt(site('b'));
          clock?.schedule(50, () => transport?.reconnect(site('b')));
        }
        return [frame];
      }),
    });
    expect(result.finalWeights).toEqual(reference.finalWeights);
    expect(result.records).toEqual(reference.records);
    const bytes = updateBytes('box', PARAMETERS);
    const once = Math.ceil(bytes / 16) * 2;
    // At most the window is sent a second time.
    expect(offsets.length).toBeGreaterThan(once);
    expect(offsets.length).toBeLessThanOrEqual(once + 5);
  });

  it.each<[string, string, (frame: Frame) => Frame]>([
    [
      'bad-signature',
      'a changed byte',
      ({ header, payload }) => ({ header, payload: (payload ?? new Uint8Array()).map((x) => x ^ 1) }),
    ],
    [
      'malformed',
      'a gap',
      (frame) => ({ ...frame, header: frame.header.replace(/"offset":32\b/, '"offset":40') }),
    ],
    ['oversize', 'bytes behind the end', (frame) => ({ ...frame, payload: new Uint8Array(1000) })],
  ])('%s: a site with %s is dropped and the round goes on', async (reason, _, change) => {
    const result = await runMini({
      plan,
      chunkBytes: 16,
      network: chunksOfB((frame, number) => [number === 3 ? change(frame) : frame]),
    });
    expect(dropsOf(result)).toEqual([{ siteId: site('b'), phase: 'training', reason }]);
    expect(result.records[0]).toMatchObject({ outcome: 'published', survivors: sites('a', 'c') });
  });

  it.each(['wrong-signature', 'bit-flip'] as const)(
    'bad-signature: the fault %s meets them as well',
    async (how) => {
      const result = await runMini({
        plan,
        chunkBytes: 16,
        network: {
          intercept: (direction, siteId, frame) =>
            direction === 'up' && siteId === 'b' ? [corruptFrame(how, frame)] : [frame],
        },
      });
      expect(dropsOf(result)).toEqual([{ siteId: site('b'), phase: 'training', reason: 'bad-signature' }]);
    },
  );

  it('oversize, wrong-shape: the length is the plan’s', async () => {
    const lengthen = (by: number): LocalTrainer => ({
      train: ({ siteId, weights }) => {
        const honest = formulaUpdate(siteId, weights);
        return Promise.resolve({ ...honest, delta: new Float32Array(PARAMETERS + by) });
      },
    });
    for (const [by, reason] of [
      [1, 'oversize'],
      [-1, 'wrong-shape'],
    ] as const) {
      const result = await runMini({ plan, chunkBytes: 16, sites: { b: { trainer: lengthen(by) } } });
      expect(dropsOf(result)).toMatchObject([{ siteId: site('b'), reason }]);
    }
  });

  it('keep a slow site in the round while its bytes advance', async () => {
    // b needs 600 ms for a window of four chunks, and so more than the two seconds of the deadline for model and update.
    const latencyMs = (siteId: string): number => (siteId === 'b' ? 300 : 1);
    const patient = planOf(
      { rounds: 1, deadlinesMs: { training: 2000, quiet: 1500 }, trainingLimitFactor: 20 },
      large,
    );
    const result = await runMini({ plan: patient, chunkBytes: 16, network: { latencyMs } });
    expect(result.records[0]).toMatchObject({ survivors: sites('a', 'b', 'c') });
    const impatient = planOf(
      { rounds: 1, deadlinesMs: { training: 2000, quiet: 1500 }, trainingLimitFactor: 1 },
      large,
    );
    const strict = await runMini({ plan: impatient, chunkBytes: 16, network: { latencyMs } });
    expect(dropsOf(strict)).toMatchObject([{ siteId: site('b'), reason: 'deadline' }]);
  });

  it('do not let sites that stand still in the middle of their upload lock the others out', async () => {
    const still = new Set(['a', 'b', 'c', 'd']);
    const names = [...still, 'e', 'f'];
    const network: Network = {
      intercept: (direction, siteId, frame) => {
        const isLater = typeOf(frame) === 'transfer-chunk' && !frame.header.includes('"offset":0');
        return direction === 'up' && still.has(siteId) && isLater ? [] : [frame];
      },
    };
    const brief = planOf({ rounds: 1, deadlinesMs: { training: 1000, quiet: 500 } }, large);
    const result = await runMini({ plan: brief, names, chunkBytes: 16, network });
    expect(result.records[0]).toMatchObject({ outcome: 'published', survivors: sites('e', 'f') });
  });

  it('do not keep more than a few updates in memory: the others wait and are not dropped', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'];
    let open = 0;
    let most = 0;
    const network: Network = {
      intercept: (direction, _siteId, frame) => {
        if (direction === 'up' && typeOf(frame) === 'transfer-chunk' && frame.header.includes('"offset":0'))
          open++;
        if (direction === 'down' && /"type":"ack".*"of":"update"/.test(frame.header)) open--;
        most = Math.max(most, open);
        return [frame];
      },
    };
    const result = await runMini({ plan, names, chunkBytes: 16, network });
    expect(result.records.map((record) => record.dropped)).toEqual([[], []]);
    expect(most).toBe(4);
  });
});

describe('a plan without protection', () => {
  it('carries the update as it is, signed, and gives the same weights', async () => {
    const open = planOf({ rounds: 2 }, { ...large, protection: { mode: 'plain' } });
    const reference = await runMini({ plan });
    const lengths = new Set<number | undefined>();
    const result = await runMini({
      plan: open,
      network: {
        intercept: (_direction, _siteId, frame) => {
          if (typeOf(frame) === 'update') lengths.add(frame.payload?.length);
          return [frame];
        },
      },
    });
    expect(result.finalWeights).toEqual(reference.finalWeights);
    expect([...lengths]).toEqual([24 + 4 * PARAMETERS]);
  });

  it('still drops a site whose update was changed on the way', async () => {
    const open = planOf({ rounds: 1 }, { ...large, protection: { mode: 'plain' } });
    const result = await runMini({
      plan: open,
      network: {
        intercept: (direction, siteId, frame) =>
          direction === 'up' && siteId === 'b' && frame.payload
            ? [{ ...frame, payload: frame.payload.map((x) => x ^ 1) }]
            : [frame],
      },
    });
    expect(dropsOf(result)).toEqual([{ siteId: site('b'), phase: 'training', reason: 'bad-signature' }]);
  });
});

describe('local training that takes long', () => {
  it('keeps its place while it tells of its steps, and loses it when it stands still', async () => {
    const training = (stepsTold: number): LocalTrainer => ({
      train: ({ siteId, weights, signal, onSteps }) =>
        new Promise((resolve, reject) => {
          signal.addEventListener('abort', reject);
          const { clock } = arranged.world ?? {};
          for (let step = 1; step <= stepsTold; step++) clock?.schedule(11_000 * step, () => onSteps?.(step));
          clock?.schedule(95_000, () => {
            resolve(formulaUpdate(siteId, weights));
          });
        }),
    });
    const arranged: { world?: World } = {};
    const arrange = (world: World): void => {
      arranged.world = world;
    };
    const long = planOf({ rounds: 1, deadlinesMs: { training: 30_000, quiet: 15_000 } }, large);
    const kept = await runMini({ plan: long, sites: { b: { trainer: training(8) } }, arrange });
    expect(kept.records[0]).toMatchObject({ survivors: sites('a', 'b', 'c') });
    const still = await runMini({ plan: long, sites: { b: { trainer: training(2) } }, arrange });
    expect(dropsOf(still)).toMatchObject([{ siteId: site('b'), reason: 'deadline' }]);
  });
});

describe('local validation', () => {
  it('is merged over the survivors, every image counted once', async () => {
    const validated: LocalTrainer = {
      train: ({ siteId, weights }) => {
        const k = siteId.charCodeAt(0) - 96;
        const validation = { exampleCount: 2 * k, correctCount: k, lossSum: 0.5 * k };
        return Promise.resolve({ ...formulaUpdate(siteId, weights), ...(siteId !== 'c' && { validation }) });
      },
    };
    const trainer = { trainer: validated };
    const result = await runMini({ plan, sites: { a: trainer, b: trainer, c: trainer } });
    expect(result.records[0]).toMatchObject({
      localValidation: { exampleCount: 6, loss: 0.25, accuracy: 0.5 },
    });
    const without = await runMini({ plan });
    expect(without.records[0]).not.toHaveProperty('localValidation');
  });
});
