/**
 * The server's half of every strategy as two functions: `initServer`, and `applyRound` from a state and a round's sum
 * to the next state. In between updates stream into the sum, which is as large for two sites as for a thousand and does
 * not depend on their order (`fedavg.ts`). A state is never changed, so that an attempt that fails leaves no trace.
 *
 * FedProx and FedBN differ from FedAvg only in what sites do. Values that are no trained weights (running statistics)
 * are averaged whatever the strategy: a momentum or a square root would turn a variance into nonsense.
 */
import { InputError, InvariantError } from '../../shared/errors.ts';
import { normalizationSpans } from '../../shared/learning/normalization-values.ts';
import type { Manifest } from '../../shared/learning/weights.ts';
import { vectorCountOf, type Strategy } from '../../shared/protocol/strategy.ts';
import type { UpdatePayload } from '../../shared/protocol/update-payload.ts';
import { adaptiveDirection, initMoments, nextMoments, type AdaptiveMoments } from './adaptive.ts';
import { addUpdate, initFedAvg, meanUpdate, type FedAvgSum } from './fedavg.ts';
import { nextVelocity } from './momentum.ts';
import { nextServerControl } from './server-control.ts';
import { serverRateAt } from './server-rate.ts';

/** What stays the same for a whole run. */
export interface ServerRules {
  readonly strategy: Strategy;
  readonly rounds: number;
  readonly manifest: Manifest;
  /** Sites that are enrolled, whether they take part in a round or not. */
  readonly siteCount: number;
}

/** What a strategy carries from round to round beside the weights. */
export type ServerMemory =
  | { readonly kind: 'none' }
  | { readonly kind: 'velocity'; readonly velocity: Float64Array }
  | { readonly kind: 'moments'; readonly moments: AdaptiveMoments }
  /** The control variate, which goes to the sites with the weights. */
  | { readonly kind: 'control'; readonly control: Float32Array };

export interface ServerState {
  readonly weights: Float32Array;
  readonly memory: ServerMemory;
}

/** What sites get beside the weights. */
export function serverControlOf({ memory }: ServerState): Float32Array | undefined {
  return memory.kind === 'control' ? memory.control : undefined;
}

export interface RoundSum {
  readonly model: FedAvgSum;
  /** Of the second vector of SCAFFOLD's updates. */
  readonly control: FedAvgSum | undefined;
}

/**
 * @param memoryLength of what the strategy carries with the weights: less than the weights where some stay frozen
 * @throws InputError when the model has nothing that the strategy needs
 */
export function initServer(
  { strategy, manifest }: ServerRules,
  weights: Float32Array,
  memoryLength = manifest.length,
): ServerState {
  if (strategy.name === 'fedbn' && normalizationSpans(manifest).length === 0)
    throw new InputError(
      'strategy fedbn keeps normalisation layers at the sites, but this model has none: ' +
        "choose an architecture with normalization 'batch' or 'group', or strategy fedavg",
    );
  return { weights, memory: initialMemory(strategy, memoryLength) };
}

function initialMemory(strategy: Strategy, parameterCount: number): ServerMemory {
  switch (strategy.name) {
    case 'fedavg':
    case 'fedprox':
    case 'fedbn':
      return { kind: 'none' };
    case 'fedavgm':
      return { kind: 'velocity', velocity: new Float64Array(parameterCount) };
    case 'fedadam':
    case 'fedyogi':
    case 'fedadagrad':
      return { kind: 'moments', moments: initMoments(parameterCount, strategy.tau) };
    case 'scaffold':
      return { kind: 'control', control: new Float32Array(parameterCount) };
  }
}

export function newRoundSum(parameterCount: number, strategy: Strategy): RoundSum {
  return {
    model: initFedAvg(parameterCount),
    control: vectorCountOf(strategy) === 2 ? initFedAvg(parameterCount) : undefined,
  };
}

/** Adds an update in place. @throws InvariantError when it does not fit; admission has checked it before. */
export function addToRound(sum: RoundSum, update: UpdatePayload): void {
  addUpdate(sum.model, update);
  if (sum.control) addUpdate(sum.control, { ...update, delta: update.controlDelta ?? new Float32Array() });
}

/**
 * @param round from 1
 * @throws InvariantError when no update was added or the state is of another strategy
 */
export function applyRound(
  rules: ServerRules,
  state: ServerState,
  sum: RoundSum,
  round: number,
): ServerState {
  const meanDelta = meanUpdate(sum.model);
  const meanControl = sum.control && meanUpdate(sum.control);
  const mean = { meanDelta, updateCount: sum.model.updateCount, ...(meanControl && { meanControl }) };
  return applyMean(rules, state, mean, round);
}

/** A round's updates as their mean, weighted by examples: all that a strategy needs of them. */
export interface RoundMean {
  /** [parameters] */
  readonly meanDelta: Float64Array;
  /** SCAFFOLD: of the second vector. */
  readonly meanControl?: Float64Array;
  readonly updateCount: number;
}

/**
 * @param round from 1
 * @throws InvariantError when the state is of another strategy
 */
export function applyMean(
  rules: ServerRules,
  state: ServerState,
  mean: RoundMean,
  round: number,
): ServerState {
  const { meanDelta } = mean;
  const { memory, direction } = advance(rules, state.memory, mean);
  const rate = serverRateAt(rules.strategy, round, rules.rounds);
  return { weights: moved(state.weights, { direction, meanDelta, rate, manifest: rules.manifest }), memory };
}

/** The next memory, and the direction that the server's learning rate multiplies. */
function advance(
  { strategy, siteCount }: ServerRules,
  memory: ServerMemory,
  { meanDelta, meanControl, updateCount }: RoundMean,
): { memory: ServerMemory; direction: Float64Array } {
  switch (strategy.name) {
    case 'fedavg':
    case 'fedprox':
    case 'fedbn':
      return { memory, direction: meanDelta };
    case 'fedavgm': {
      if (memory.kind !== 'velocity') throw otherStrategy(strategy, memory);
      const velocity = nextVelocity(memory.velocity, meanDelta, strategy.momentum);
      return { memory: { kind: 'velocity', velocity }, direction: velocity };
    }
    case 'fedadam':
    case 'fedyogi':
    case 'fedadagrad': {
      if (memory.kind !== 'moments') throw otherStrategy(strategy, memory);
      const moments = nextMoments(memory.moments, meanDelta, strategy);
      return { memory: { kind: 'moments', moments }, direction: adaptiveDirection(moments, strategy.tau) };
    }
    case 'scaffold': {
      if (memory.kind !== 'control' || !meanControl) throw otherStrategy(strategy, memory);
      const share = Math.min(1, updateCount / siteCount);
      const next = nextServerControl(memory.control, meanControl, share);
      return { memory: { kind: 'control', control: next }, direction: meanDelta };
    }
  }
}

function otherStrategy(strategy: Strategy, memory: ServerMemory): InvariantError {
  return new InvariantError(`strategy ${strategy.name} cannot go on from a state with '${memory.kind}'`);
}

interface Move {
  readonly direction: Float64Array;
  readonly meanDelta: Float64Array;
  readonly rate: number;
  readonly manifest: Manifest;
}

/** w + η·direction for trained values, w + mean update for the others; one rounding to float32. */
function moved(weights: Float32Array, { direction, meanDelta, rate, manifest }: Move): Float32Array {
  const next = weights.slice();
  for (const { offset, length, trainable } of manifest.entries) {
    const end = offset + length;
    if (trainable) for (let i = offset; i < end; i++) next[i] = (next[i] ?? 0) + rate * (direction[i] ?? 0);
    else for (let i = offset; i < end; i++) next[i] = (next[i] ?? 0) + (meanDelta[i] ?? 0);
  }
  return next;
}
