/**
 * What a strategy asks of a site: where local training starts, what is added to its gradients, and what of the result
 * is sent or kept. FedAvg and the server optimisers ask for nothing.
 */
import { InvariantError } from '../../shared/errors.ts';
import {
  normalizationSpans,
  normalizationValues,
  withNormalizationValues,
} from '../../shared/learning/normalization-values.ts';
import {
  controlVariate,
  proximalTerm,
  type GradientHook,
} from '../../shared/learning/training/gradient-hooks.ts';
import type { Manifest } from '../../shared/learning/weights.ts';
import type { Strategy } from '../../shared/protocol/strategy.ts';
import type { UpdatePayload } from '../../shared/protocol/update-payload.ts';
import { nextSiteControl } from './site-control.ts';
import type { SiteState } from './site-state.ts';

export interface MethodInput {
  readonly strategy: Strategy;
  readonly manifest: Manifest;
  /** The global model; stays as it is. */
  readonly weights: Float32Array;
  /** SCAFFOLD: the server's control variate. */
  readonly serverControl?: Float32Array | undefined;
  readonly state?: SiteState | undefined;
}

export type Contribution = Pick<UpdatePayload, 'delta' | 'controlDelta'> & { readonly kept?: SiteState };

export interface LocalMethod {
  readonly startWeights: Float32Array;
  readonly hooks: readonly GradientHook[];
  /** @param rateSum sum of the learning rates of the local steps */
  contribution(trained: Float32Array, rateSum: number): Contribution;
}

/** By index: several times the speed of a callback for each weight. */
function difference(a: Float32Array, b: Float32Array): Float32Array {
  const out = new Float32Array(a.length);
  for (let i = 0; i < out.length; i++) out[i] = (a[i] ?? 0) - (b[i] ?? 0);
  return out;
}

/** @throws InvariantError when the state is of another strategy or model, or SCAFFOLD's server control variate is missing */
export function localMethod(input: MethodInput): LocalMethod {
  const { strategy, manifest, weights } = input;
  const plain: LocalMethod = {
    startWeights: weights,
    hooks: [],
    contribution: (trained) => ({ delta: difference(trained, weights) }),
  };
  switch (strategy.name) {
    case 'fedavg':
    case 'fedavgm':
    case 'fedadam':
    case 'fedyogi':
    case 'fedadagrad':
      return plain;
    case 'fedprox':
      return { ...plain, hooks: strategy.mu > 0 ? [proximalTerm(strategy.mu, weights, manifest)] : [] };
    case 'scaffold':
      return scaffold(input);
    case 'fedbn':
      return fedBn(input);
  }
}

/** Karimireddy et al. 2020, Algorithm 1, lines 7–13. A site that takes part for the first time has cᵢ = 0. */
function scaffold({ manifest, weights, serverControl, state }: MethodInput): LocalMethod {
  if (serverControl?.length !== manifest.length)
    throw new InvariantError('SCAFFOLD trains with the control variate of the server');
  if (state && (state.kind !== 'control' || state.control.length !== manifest.length))
    throw new InvariantError('the kept control variate is of another strategy or model');
  const control = state?.control ?? new Float32Array(manifest.length);
  return {
    startWeights: weights,
    hooks: [controlVariate(difference(serverControl, control), manifest)],
    contribution: (trained, rateSum) => {
      const delta = difference(trained, weights);
      const next = nextSiteControl({ control, serverControl, delta, rateSum, manifest });
      return { delta, controlDelta: difference(next, control), kept: { kind: 'control', control: next } };
    },
  };
}

/** Li et al. 2021, Algorithm 1: the site goes on with its own normalisation layers; nothing of them is sent. */
function fedBn({ manifest, weights, state }: MethodInput): LocalMethod {
  const startWeights = personalWeights(weights, state, manifest);
  return {
    startWeights,
    hooks: [],
    contribution: (trained) => {
      const delta = difference(trained, startWeights);
      for (const { start, end } of normalizationSpans(manifest)) delta.fill(0, start, end);
      return { delta, kept: { kind: 'normalization', values: normalizationValues(trained, manifest) } };
    },
  };
}

/**
 * The model that a site uses itself: the global one, with what FedBN keeps at the site.
 * @throws InvariantError when the kept values are of another model
 */
export function personalWeights(
  weights: Float32Array,
  state: SiteState | undefined,
  manifest: Manifest,
): Float32Array {
  return state?.kind === 'normalization' ? withNormalizationValues(weights, state.values, manifest) : weights;
}
