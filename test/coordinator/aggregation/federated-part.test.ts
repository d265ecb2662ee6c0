/** What of the server's state takes part in a round, by hand: of [a b | c | d e] the middle is frozen before round 3. */
import { describe, expect, it } from 'vitest';
import { federatedPart, memoryManifest } from '../../../coordinator/aggregation/federated-part.ts';
import {
  applyMean,
  initServer,
  type ServerRules,
  type ServerState,
} from '../../../coordinator/aggregation/server.ts';
import { manifestOf, type Manifest } from '../../../shared/learning/weights.ts';
import type { RunLayout } from '../../../shared/protocol/plan-network.ts';
import { planOf } from '../fixtures.ts';
import type { StrategyInput } from '../../../shared/protocol/strategy.ts';

const parts = [
  { name: 'a', length: 2 },
  { name: 'b', length: 1 },
  { name: 'c', length: 2 },
];
const manifestWithout = (frozen: readonly string[]): Manifest =>
  manifestOf({
    parameters: parts.map(({ name, length }) => ({
      ...{ name, dims: [length], kind: 'kernel', initializer: { kind: 'zeros' } },
      ...{ trainable: !frozen.includes(name), frozen: frozen.includes(name) },
    })),
  });
const forEver: RunLayout = { start: manifestWithout(['b']) };
const thawed: RunLayout = { ...forEver, thawed: { manifest: manifestWithout([]), fromRound: 3 } };

function rulesOf(strategy: StrategyInput, manifest: Manifest): ServerRules {
  const plan = planOf({ strategy }, { training: { optimizer: { kind: 'sgd', momentum: 0 } } });
  return { strategy: plan.federation.strategy, rounds: 5, manifest, siteCount: 2 };
}
const start = Float32Array.of(1, 2, -0, 4, 5);

/** The state after `rounds` rounds in which every trained weight's mean delta is 1. */
function after(rounds: number, strategy: StrategyInput, layout: RunLayout): ServerState {
  let state = initServer(rulesOf(strategy, layout.start), start, memoryManifest(layout).length);
  for (let round = 1; round <= rounds; round++) {
    const part = federatedPart(layout, round);
    const meanDelta = new Float64Array(part.manifest.length).fill(1);
    const mean = { meanDelta, meanControl: meanDelta, updateCount: 2 };
    state = part.put(applyMean(rulesOf(strategy, part.manifest), part.pick(state), mean, round), state);
  }
  return state;
}

describe('a round with a frozen part', () => {
  it('sees the rest of the weights and changes nothing else', () => {
    const part = federatedPart(thawed, 2);
    expect(part.manifest.entries.map(({ name, offset }) => [name, offset])).toEqual([
      ['a', 0],
      ['c', 2],
    ]);
    const whole: ServerState = { weights: start, memory: { kind: 'none' } };
    expect([...part.pick(whole).weights]).toEqual([1, 2, 4, 5]);
    const next = part.put({ weights: Float32Array.of(6, 7, 8, 9), memory: { kind: 'none' } }, whole);
    expect([...next.weights]).toEqual([6, 7, -0, 8, 9]);
    // Addition of 0 would have made it +0.
    expect(Object.is(next.weights[2], -0)).toBe(true);
    expect([...start]).toEqual([1, 2, -0, 4, 5]);
  });

  it('gives the same array for the same part, by which models are recognised', () => {
    const part = federatedPart(thawed, 1);
    const weights = Float32Array.of(6, 7, 8, 9);
    const whole: ServerState = { weights: start, memory: { kind: 'none' } };
    expect(part.putWeights(weights, start)).toBe(part.put({ ...whole, weights }, whole).weights);
  });

  it('copies nothing where nothing is frozen', () => {
    const whole: ServerState = { weights: start, memory: { kind: 'none' } };
    expect(federatedPart(thawed, 3).pick(whole).weights).toBe(start);
  });
});

describe('what a strategy carries', () => {
  it('is as long as what the run ever trains', () => {
    expect(memoryManifest(forEver).length).toBe(4);
    expect(memoryManifest(thawed).length).toBe(5);
    expect(after(2, 'fedavgm', forEver).memory).toMatchObject({
      velocity: Float64Array.of(1.9, 1.9, 1.9, 1.9),
    });
  });

  it('of FedAvgM begins at 0 for what is let go: v = 1, 1.9, 2.71', () => {
    const { memory } = after(3, 'fedavgm', thawed);
    if (memory.kind !== 'velocity') throw new Error('FedAvgM carries a velocity');
    [2.71, 2.71, 1, 2.71, 2.71].forEach((v, i) => {
      expect(memory.velocity[i]).toBeCloseTo(v, 12);
    });
  });

  it('of FedAdam waits at m = 0 and v = τ² for what is let go', () => {
    const strategy = { name: 'fedadam', beta1: 0.9, beta2: 0.99, tau: 1e-3 } as const;
    const before = after(2, strategy, thawed).memory;
    const then = after(3, strategy, thawed).memory;
    if (before.kind !== 'moments' || then.kind !== 'moments') throw new Error('FedAdam carries moments');
    expect([before.moments.first[2], before.moments.second[2]]).toEqual([0, 1e-6]);
    expect(then.moments.first[2]).toBeCloseTo(0.1, 12);
    expect(then.moments.second[2]).toBeCloseTo(0.99e-6 + 0.01, 12);
    // The others have seen three rounds: m = 1 − 0.9³.
    expect(then.moments.first[0]).toBeCloseTo(0.271, 12);
  });

  it('of SCAFFOLD is the mean control variate, and 0 for what is let go', () => {
    const { memory } = after(3, 'scaffold', thawed);
    expect(memory).toEqual({ kind: 'control', control: Float32Array.of(3, 3, 1, 3, 3) });
  });
});
