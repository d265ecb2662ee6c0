/**
 * Running statistics of batch normalisation (Ioffe, Szegedy 2015, "Batch Normalization", §3.1: moving averages):
 * running ← (1−m)·running + m·batch. The engine leaves the batch's statistics in their slots of the gradients.
 */
import type { ParameterKind } from '../graph/types.ts';
import type { Manifest } from '../weights.ts';

export type StatisticsUpdate = (weights: Float32Array, gradients: Float32Array) => void;

/** @param momentum m, in (0, 1] */
export function runningStatisticsUpdate(manifest: Manifest, momentum: number): StatisticsUpdate {
  const isStatistic = (kind: ParameterKind): boolean => kind === 'runningMean' || kind === 'runningVariance';
  const entries = manifest.entries.filter((e) => isStatistic(e.kind) && e.frozen !== true);
  return (weights, gradients) => {
    for (const { offset, length } of entries)
      for (let i = offset; i < offset + length; i++)
        weights[i] = (1 - momentum) * (weights[i] ?? 0) + momentum * (gradients[i] ?? 0);
  };
}
