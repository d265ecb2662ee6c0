/**
 * FedAdagrad, FedYogi and FedAdam: Reddi et al. 2021, "Adaptive Federated Optimization", Algorithm 2.
 *
 *   m ← β₁·m + (1−β₁)·Δ
 *   v ← v + Δ²                        FedAdagrad
 *   v ← v − (1−β₂)·Δ²·sign(v − Δ²)    FedYogi
 *   v ← β₂·v + (1−β₂)·Δ²              FedAdam
 *   w ← w + η·m / (√v + τ)
 *
 * As in the paper there is no bias correction, m begins at 0 and v at τ² (the algorithm asks for at least that).
 */
import type { StrategyOf } from '../../shared/protocol/strategy.ts';

export type AdaptiveStrategy = StrategyOf<'fedadam' | 'fedyogi' | 'fedadagrad'>;

/** Float64: small differences of v decide, and the vectors never leave the coordinator. */
export interface AdaptiveMoments {
  /** m, [parameters]. */
  readonly first: Float64Array;
  /** v, [parameters], each at least 0. */
  readonly second: Float64Array;
}

export function initMoments(parameterCount: number, tau: number): AdaptiveMoments {
  return { first: new Float64Array(parameterCount), second: new Float64Array(parameterCount).fill(tau ** 2) };
}

export function nextMoments(
  moments: AdaptiveMoments,
  meanDelta: Float64Array,
  strategy: AdaptiveStrategy,
): AdaptiveMoments {
  const { beta1 } = strategy;
  return {
    first: moments.first.map((m, i) => beta1 * m + (1 - beta1) * (meanDelta[i] ?? 0)),
    second: moments.second.map((v, i) => nextSecond(v, (meanDelta[i] ?? 0) ** 2, strategy)),
  };
}

function nextSecond(v: number, square: number, strategy: AdaptiveStrategy): number {
  switch (strategy.name) {
    case 'fedadagrad':
      return v + square;
    case 'fedyogi':
      return v - (1 - strategy.beta2) * square * Math.sign(v - square);
    case 'fedadam':
      return strategy.beta2 * v + (1 - strategy.beta2) * square;
  }
}

/** m / (√v + τ): what the server's learning rate multiplies. */
export function adaptiveDirection({ first, second }: AdaptiveMoments, tau: number): Float64Array {
  return first.map((m, i) => m / (Math.sqrt(second[i] ?? 0) + tau));
}
