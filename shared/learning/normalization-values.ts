/**
 * The values of a model's normalisation layers (scale, shift, running statistics): what FedBN keeps at each site
 * (Li et al. 2021, "FedBN: Federated Learning on Non-IID Features via Local Batch Normalization", Algorithm 1). Group
 * normalisation has scale and shift only.
 */
import { InvariantError } from '../errors.ts';
import type { ParameterKind } from './graph/types.ts';
import type { Manifest } from './weights.ts';

export interface Span {
  /** First value. */
  readonly start: number;
  /** One past the last value. */
  readonly end: number;
}

function isOfNormalization(kind: ParameterKind): boolean {
  switch (kind) {
    case 'normScale':
    case 'normShift':
    case 'runningMean':
    case 'runningVariance':
      return true;
    case 'kernel':
    case 'bias':
      return false;
  }
}

/** Where they stand in the flat vector, ascending; empty for a model without normalisation. */
export function normalizationSpans(manifest: Manifest): readonly Span[] {
  return manifest.entries
    .filter(({ kind, length }) => isOfNormalization(kind) && length > 0)
    .map(({ offset, length }) => ({ start: offset, end: offset + length }));
}

/** A copy of the values one after the other. */
export function normalizationValues(weights: Float32Array, manifest: Manifest): Float32Array {
  return Float32Array.from(
    normalizationSpans(manifest).flatMap(({ start, end }) => [...weights.subarray(start, end)]),
  );
}

/** A copy of `weights` with these normalisation values. @throws InvariantError when they are of another model. */
export function withNormalizationValues(
  weights: Float32Array,
  values: Float32Array,
  manifest: Manifest,
): Float32Array {
  const spans = normalizationSpans(manifest);
  if (values.length !== spans.reduce((sum, { start, end }) => sum + end - start, 0))
    throw new InvariantError('the kept normalisation values are of another model');
  const out = weights.slice();
  let position = 0;
  for (const { start, end } of spans) {
    out.set(values.subarray(position, position + end - start), start);
    position += end - start;
  }
  return out;
}
