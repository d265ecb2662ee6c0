/** Plans that start from a model file: lengths of a round's vectors, and the file behind the digest. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { sha512Hex } from '../../../shared/crypto/hash.ts';
import { initialWeights } from '../../../shared/learning/weights.ts';
import { vectorLengthOf, type InitialModel } from '../../../shared/protocol/initial-model.ts';
import { layoutOf } from '../../../shared/protocol/masking-context.ts';
import { decodeModel, encodeModel, modelBytesOf } from '../../../shared/protocol/model-payload.ts';
import { layoutOfRun, manifestAt, networkAt, networkOf } from '../../../shared/protocol/plan-network.ts';
import { hashPlan, type Plan, planSchema } from '../../../shared/protocol/plan.ts';
import { summarisePlan } from '../../../shared/protocol/plan-summary.ts';
import { planOf, withoutArchitecture } from '../../coordinator/fixtures.ts';

const file = new Uint8Array(
  readFileSync(fileURLToPath(new URL('../../fixtures/torch/tiny-mobile.onnx', import.meta.url))),
);
const FREEZE = ['stem.*', 'expand.*'];
/** All but what FREEZE matches, and a head of 2 classes on 8 features. */
const [PARAMETERS, TRAINABLE] = [1230, 790];

const initial = (change: Partial<InitialModel> = {}): InitialModel => ({
  sha512: sha512Hex(file),
  byteLength: file.length,
  freeze: FREEZE,
  unfreezeAtRound: 3,
  bodyRateFactor: 1,
  trainableCount: TRAINABLE,
  ...change,
});

function startingFrom(change: Partial<InitialModel> = {}, parameterCount = PARAMETERS): Plan {
  const rest = withoutArchitecture(
    planOf({ rounds: 4, strategy: 'scaffold' }, { training: { optimizer: { kind: 'sgd', momentum: 0 } } }),
  );
  const task = { name: 'two', classNames: ['a', 'b'], imageDims: [1, 28, 28] };
  return planSchema.parse({ ...rest, task, parameterCount, initialModel: initial(change) });
}

describe('the vectors of a round', () => {
  it('have what is not frozen, and all from the round on in which nothing is', () => {
    const plan = startingFrom();
    expect([1, 2, 3, 4].map((round) => vectorLengthOf(plan, round))).toEqual([
      ...[TRAINABLE, TRAINABLE, PARAMETERS, PARAMETERS],
    ]);
    const never = initial({ unfreezeAtRound: undefined });
    expect(vectorLengthOf({ parameterCount: PARAMETERS, initialModel: never }, 1000)).toBe(TRAINABLE);
    expect(vectorLengthOf(planOf(), 1)).toBe(4);
  });

  it('are as long in the ring, twice for SCAFFOLD, and on the wire', () => {
    const plan = { ...startingFrom(), protection: planOf({}, { protection: ring }).protection };
    const [early, late] = [2, 3].map((round) => layoutOf(plan, 5, round)?.deltaLength);
    expect([early, late]).toEqual([2 * TRAINABLE, 2 * PARAMETERS]);
    expect([2, 3].map((round) => modelBytesOf(plan, round))).toEqual([8 * TRAINABLE, 8 * PARAMETERS]);
    const part = new Float32Array(TRAINABLE).fill(0.5);
    expect(decodeModel(encodeModel(part, part), plan, 2)?.serverControl).toEqual(part);
    expect(decodeModel(encodeModel(part, part), plan, 3)).toBeUndefined();
  });
  const ring = { mode: 'box', ring: { bits: 32 } } as const;
});

describe('a plan', () => {
  it('has another hash with any other rule of freezing', () => {
    const changes: Partial<InitialModel>[] = [
      {},
      ...[{ bodyRateFactor: 0.5 }, { unfreezeAtRound: 2 }, { freeze: ['stem.*', 'expand*'] }],
      { sha512: 'a'.repeat(128) },
    ];
    const hashes = changes.map((change) => hashPlan(startingFrom(change)));
    expect(new Set(hashes).size).toBe(changes.length);
  });

  it.each<[string, Partial<InitialModel>, string]>([
    ['frozen weights that are not counted', { trainableCount: PARAMETERS }, 'trainableCount does not fit'],
    ['fewer weights and nothing frozen', { freeze: [], unfreezeAtRound: undefined }, 'trainableCount'],
    ['a thaw of nothing', { freeze: [] }, 'unfreezeAtRound needs freeze'],
    ['a thaw after its end', { unfreezeAtRound: 5 }, 'after the last round, 4'],
    ['no digest', { sha512: 'abc' }, '64 bytes as hex'],
  ])('is refused with %s', (_, change, message) => {
    expect(() => startingFrom(change)).toThrow(message);
  });

  it('trains an architecture or a file, not both and not neither', () => {
    const both = { ...planOf(), initialModel: initial() };
    const neither = withoutArchitecture(planOf());
    for (const plan of [both, neither])
      expect(() => planSchema.parse(plan)).toThrow('either an architecture or an initialModel');
  });

  it('says to the people of a site what is fetched and what is frozen', () => {
    const lines = summarisePlan(startingFrom({ bodyRateFactor: 0.1 })).join('\n');
    expect(lines).toContain('a model that exists already, with 1230 parameters, learns to tell a, b apart');
    expect(lines).toContain(`the file ${sha512Hex(file).slice(0, 16)}… (${String(file.length)} bytes)`);
    expect(lines).toContain('440 of its parameters (stem.*, expand.*) keep their values before round 3');
    expect(lines).toContain('at 0.1 of the learning rate');
  });
});

describe('the network of a plan', () => {
  it('is the file’s with a new head, frozen up to the round that the plan says', () => {
    const network = networkOf(startingFrom(), file);
    const layout = layoutOfRun(network);
    const frozenAt = (round: number): string[] =>
      manifestAt(layout, round).entries.flatMap(({ name, frozen }) => (frozen === true ? [name] : []));
    expect(frozenAt(2).every((name) => /^(stem|expand)\./.test(name))).toBe(true);
    expect(frozenAt(2).length).toBeGreaterThan(0);
    expect(frozenAt(3)).toEqual([]);
    expect(networkAt(network, 2)).toBe(network.start);
    expect(networkAt(network, 3)).toBe(network.whole);
    // The same weights from every form: only the new head depends on the seed.
    expect(initialWeights(network.start, 7)).toEqual(initialWeights(network.whole, 7));
  });

  it('is not made from a file of another digest, however small the difference', () => {
    const other = file.slice();
    other[other.length - 1] = (other[other.length - 1] ?? 0) ^ 1;
    expect(() => networkOf(startingFrom(), other)).toThrow('it was changed or damaged and is not used');
    expect(() => networkOf(startingFrom(), new Uint8Array())).toThrow('changed or damaged');
    expect(() => networkOf(startingFrom())).toThrow('site approve');
  });

  it('is refused where the plan counts other weights than the file has', () => {
    expect(() => networkOf(startingFrom({}, PARAMETERS + 1), file)).toThrow('has 1230 weights, 790 of them');
    expect(() => networkOf(startingFrom({ trainableCount: 789 }), file)).toThrow(
      'the plan says 1230 and 789',
    );
  });

  it('is refused where the file is no model, its digest being right', () => {
    const junk = Uint8Array.from({ length: 100 }, (_, i) => i);
    const plan = startingFrom({ sha512: sha512Hex(junk), byteLength: 100 });
    expect(() => networkOf(plan, junk)).toThrow(/^the initial model [0-9a-f]{16}…: /);
  });
});
