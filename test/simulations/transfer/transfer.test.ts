/** Federations that start from a model file: what is frozen is neither sent nor changed, and may be let go later. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { initialWeights, manifestOf } from '../../../shared/learning/weights.ts';
import { runFederation, type SimulationOutcome } from '../../../simulations/harness.ts';
import type { SimulationInput } from '../../../simulations/simulation-config.ts';
import { BODY, changed, federationFrom, watch, writeBackbone, type Watched } from './backbone.ts';

let folder = '';
let file = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'consilium-transfer-'));
  file = join(folder, 'backbone.onnx');
  writeBackbone(file);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The two convolutions and normalisations of the body: 36 + 4·4 + 216 + 4·6. */
const FROZEN = 292;

function weightsOf({ checkpoints }: Watched, round: number): Float32Array {
  const weights = checkpoints[round - 1]?.position.state.weights;
  if (!weights) throw new Error(`round ${String(round)} was not kept`);
  return weights;
}

const startOf = ({ outcome }: Watched): Float32Array => initialWeights(outcome.model, outcome.config.seed);
const sent = ({ result }: SimulationOutcome) =>
  result.rounds.map(({ bytesUp = NaN, bytesDown = NaN }) => ({ bytesUp, bytesDown }));

describe('a federation with a frozen body', () => {
  let frozen: Watched;
  let free: Watched;
  beforeAll(async () => {
    frozen = await watch(federationFrom(file));
    free = await watch(federationFrom(file, { initialModel: { file } }));
  });

  it('leaves every bit of it as it was, its running statistics too, and trains the rest', () => {
    const manifest = manifestOf(frozen.outcome.model);
    expect(changed(manifest, weightsOf(frozen, 3), startOf(frozen))).toEqual([
      'dense.weight',
      'dense.bias',
      'head.weight',
      'head.bias',
    ]);
    expect(changed(manifest, weightsOf(free, 3), startOf(free))).toHaveLength(manifest.entries.length);
    expect(frozen.outcome.weights).toHaveLength(manifest.length);
  });

  it('sends exactly the frozen parameters less, in both directions', () => {
    // Plan and hash stand in the announcement, whose length differs a little; models and updates are the rest.
    const updates = 3 * 4 * FROZEN;
    sent(frozen.outcome).forEach(({ bytesUp, bytesDown }, i) => {
      const whole = sent(free.outcome)[i];
      expect((whole?.bytesUp ?? NaN) - bytesUp).toBe(updates);
      expect(Math.abs((whole?.bytesDown ?? NaN) - bytesDown - updates)).toBeLessThan(3 * 100);
    });
  });

  it('says so in the plan, in the notices, and writes a model of which nothing is frozen', () => {
    const { plan, model } = frozen.outcome;
    const parameterCount = manifestOf(model).length;
    expect(plan.initialModel).toMatchObject({ freeze: BODY, trainableCount: parameterCount - FROZEN });
    expect(plan.architecture).toBeUndefined();
    expect(frozen.notices.join('\n')).toContain('292 of 9,735 weights are frozen: no gradient');
    expect(model.parameters.filter((parameter) => parameter.frozen === true)).toEqual([]);
  });

  it('carries the momentum of the server for what it trains only', async () => {
    const { checkpoints, outcome } = await watch(federationFrom(file, { strategy: 'fedadam', rounds: 1 }));
    const memory = checkpoints[0]?.position.state.memory;
    expect(memory?.kind === 'moments' && memory.moments.first.length).toBe(
      outcome.plan.initialModel?.trainableCount,
    );
  });
});

describe('a body that is let go at round 3', () => {
  const input = (change: Partial<SimulationInput> = {}): SimulationInput =>
    federationFrom(file, { initialModel: { file, freeze: BODY, unfreezeAtRound: 3 }, rounds: 4, ...change });

  it('is as the file has it before, and trained from then on', async () => {
    const run = await watch(input());
    const manifest = manifestOf(run.outcome.model);
    expect(changed(manifest, weightsOf(run, 2), startOf(run)).map((name) => name.split('.')[0])).toEqual([
      ...['dense', 'dense', 'head', 'head'],
    ]);
    expect(changed(manifest, weightsOf(run, 3), startOf(run))).toHaveLength(manifest.entries.length);
    const bytes = sent(run.outcome).map(({ bytesUp }) => bytesUp);
    expect((bytes[2] ?? NaN) - (bytes[1] ?? NaN)).toBe(3 * 4 * FROZEN);
    expect(bytes[3]).toBe(bytes[2]);
  });

  const strategies: Readonly<Record<string, Partial<SimulationInput>>> = {
    fedavg: {},
    fedavgm: { strategy: 'fedavgm' },
    fedadam: { strategy: 'fedadam' },
    fedyogi: { strategy: 'fedyogi' },
    fedbn: { strategy: 'fedbn' },
    scaffold: {
      strategy: 'scaffold',
      training: { optimizer: { kind: 'sgd', momentum: 0 }, learningRate: 0.05, batchSize: 16 },
      initialModel: { file: '', freeze: BODY, unfreezeAtRound: 3, bodyRateFactor: 0.5 },
    },
    'fedavg in a ring of 16 bits': { protection: { mode: 'box', ring: { bits: 16 } } },
  };
  const inputOf = (name: string): SimulationInput => {
    const made = input(strategies[name]);
    return { ...made, ...(made.initialModel && { initialModel: { ...made.initialModel, file } }) };
  };

  it.each(Object.keys(strategies))('goes on to the same result after it was stopped: %s', async (name) => {
    const run = await watch(inputOf(name));
    // The last round with the frozen body; where little is carried on, every other one too.
    for (const round of name === 'fedavg' ? [1, 2, 3] : [2]) {
      const resumed = await watch(inputOf(name), run.checkpoints[round - 1]);
      expect(resumed.outcome.finalDigest, `after round ${String(round)}`).toBe(run.outcome.finalDigest);
      expect(resumed.outcome.result.weightsDigest).toBe(run.outcome.result.weightsDigest);
    }
  });

  it.each(['fedavgm', 'fedadam', 'scaffold'])(
    'begins its part of the memory of %s as in a first round',
    async (name) => {
      const { checkpoints, outcome } = await watch(inputOf(name));
      const [entry] = manifestOf(outcome.model).entries;
      const { offset, length } = entry ?? { offset: NaN, length: NaN };
      const memories = checkpoints.map(({ position }) => position.state.memory);
      const parts = memories.map((memory) => {
        switch (memory.kind) {
          case 'none':
            return [];
          case 'velocity':
            return [memory.velocity];
          case 'moments':
            return [memory.moments.first, memory.moments.second];
          case 'control':
            return [memory.control];
        }
      });
      const fresh = name === 'fedadam' ? [0, 1e-6] : [0];
      parts[1]?.forEach((vector, i) => {
        expect([...vector.subarray(offset, offset + length)]).toEqual(Array(length).fill(fresh[i]));
      });
      parts[2]?.forEach((vector, i) => {
        expect([...vector.subarray(offset, offset + length)]).not.toEqual(Array(length).fill(fresh[i]));
      });
    },
  );

  it('is learnt under masks, to the same weights with 1 and 2 workers', { timeout: 60_000 }, async () => {
    const masked = input({
      protection: { mode: 'secure-aggregation', smallCohortAcknowledged: true },
      compare: ['pooled', 'finetuned'],
    });
    const [one, two] = [await watch(masked), await runFederation({ ...masked, workers: 2 })];
    expect(two.finalDigest).toBe(one.outcome.finalDigest);
    expect(two.result.test).toEqual(one.outcome.result.test);
    const bytes = sent(two).map(({ bytesUp }) => bytesUp);
    expect((bytes[2] ?? NaN) - (bytes[1] ?? NaN)).toBe(3 * 4 * FROZEN);
  });
});

describe('what cannot be', () => {
  it.each<[string, Partial<SimulationInput>, string]>([
    ['a body let go after the last round', { rounds: 2 }, 'unfreezeAtRound is after the last round, 2'],
    [
      'a round to unfreeze and nothing frozen',
      { initialModel: { file: 'x.onnx', unfreezeAtRound: 2 } },
      'unfreezeAtRound needs freeze',
    ],
    ['a missing file', { initialModel: { file: 'nowhere.onnx' } }, 'nowhere.onnx cannot be read'],
    [
      'a pattern without a match',
      { initialModel: { file: '', freeze: ['features.*'] } },
      '"features.*" matches no parameter',
    ],
  ])('is told: %s', async (_, change, message) => {
    const base = federationFrom(file, { initialModel: { file, freeze: BODY, unfreezeAtRound: 3 } });
    const input = { ...base, ...change };
    const named = input.initialModel?.file === '' ? { ...input.initialModel, file } : input.initialModel;
    await expect(watch({ ...input, ...(named && { initialModel: named }) })).rejects.toThrow(message);
  });

  it('is to go on with a file that was changed meanwhile', async () => {
    const other = join(folder, 'other.onnx');
    writeBackbone(other);
    const input = federationFrom(other, { rounds: 2 });
    const { checkpoints } = await watch(input);
    writeBackbone(other, 4);
    await expect(watch(input, checkpoints[0])).rejects.toThrow('another plan');
    await writeFile(other, 'no model at all');
    await expect(watch(input, checkpoints[0])).rejects.toThrow('other.onnx: ');
  });
});
