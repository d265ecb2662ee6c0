/**
 * The class counts of a federation: how many training images of each class all sites have together. A plan whose training
 * needs them begins with a round of its own, round 0, which passes through the same phases as every other (Bonawitz et
 * al. 2017, CCS, Figure 4) with a vector of counts in the place of the update: the coordinator learns the sum over the
 * survivors. Without masks the counts are sealed for the coordinator whatever the plan's protection is.
 *
 * The vector is one element of the 32-bit ring for each class, then a 1 by which the survivors are counted. A count is so
 * small that those of the whole cohort add up below 2³²: the sum is exact.
 */
import { z } from 'zod';
import { InvariantError } from '../errors.ts';
import type { Recipe } from '../learning/training/recipe.ts';
import { SEAL_OVERHEAD_BYTES } from '../crypto/sealed-box.ts';
import { newRingVector, ringByteLength, type RingVector } from '../secagg/ring.ts';
import type { ProtectionMode } from './protection.ts';

/** Comes before all others, and is answered once as they are. */
export const COUNTS_ROUND = 0;

const RING = 2 ** 32;

/** Examples of each class, of one site or of a federation. */
export const classCountsSchema = z
  .array(
    z
      .int()
      .min(0)
      .max(RING - 1),
  )
  .min(2)
  .max(1000);

export const isCountsRound = ({ round }: { readonly round: number }): boolean => round === COUNTS_ROUND;

/** Whether the plan begins with a round of counts, and says them with every other. */
export function needsClassCounts({
  training,
}: {
  readonly training: Pick<Recipe, 'classWeighting' | 'logitAdjustmentTau'>;
}): boolean {
  return training.classWeighting.kind === 'federated' || training.logitAdjustmentTau > 0;
}

export interface CountsLayout {
  readonly bits: 32;
  readonly classCount: number;
  /** Elements of the vector. */
  readonly length: number;
  /** The largest count of a site. */
  readonly limit: number;
}

/** @throws InvariantError for a cohort of none */
export function countsLayout(classCount: number, cohortSize: number): CountsLayout {
  if (!Number.isInteger(cohortSize) || cohortSize < 1)
    throw new InvariantError(`a cohort has at least one site, not ${String(cohortSize)}`);
  return { bits: 32, classCount, length: classCount + 1, limit: Math.floor((RING - 1) / cohortSize) };
}

/** Length of a site's counts on the wire. */
export function countsBytes(protection: ProtectionMode, { bits, length }: CountsLayout): number {
  return ringByteLength(bits, length) + (protection === 'secure-aggregation' ? 0 : SEAL_OVERHEAD_BYTES);
}

/** What is wrong with the counts of one site, or nothing. */
export function countsFault(
  counts: readonly number[],
  { classCount, limit }: CountsLayout,
): 'wrong-shape' | 'out-of-range' | undefined {
  if (counts.length !== classCount) return 'wrong-shape';
  const isWhole = counts.every((count) => Number.isInteger(count) && count >= 0 && count <= limit);
  return isWhole ? undefined : 'out-of-range';
}

/** Before it is masked. @throws InvariantError unless there is a whole number of 0 to the limit for each class */
export function encodeCounts(counts: readonly number[], layout: CountsLayout): RingVector {
  const fault = countsFault(counts, layout);
  if (fault !== undefined)
    throw new InvariantError(
      `class counts are ${String(layout.classCount)} whole numbers of 0 to ${String(layout.limit)} (${fault})`,
    );
  const vector = newRingVector(layout.bits, layout.length);
  vector.set(counts);
  vector[layout.classCount] = 1;
  return vector;
}

/** What is wrong with the vector of one site, where the coordinator sees it: a negative count is one near 2³². */
export function siteCountsFault(vector: RingVector, layout: CountsLayout): 'out-of-range' | undefined {
  const isOne = vector[layout.classCount] === 1;
  const fault = countsFault([...vector.subarray(0, layout.classCount)], layout);
  return isOne && fault === undefined ? undefined : 'out-of-range';
}

/**
 * The unmasked sum as counts. Undefined when it cannot be one of honest counts: each site counts itself once and has
 * an image. What a wrong mask leaves behind is noise over the whole ring and fails here.
 */
export function decodeCountsSum(
  sum: RingVector,
  layout: CountsLayout,
  survivorCount: number,
): readonly number[] | undefined {
  if (sum.length !== layout.length) throw new InvariantError('the sum has another length than the counts');
  const counts = [...sum.subarray(0, layout.classCount)];
  const images = counts.reduce((total, count) => total + count, 0);
  const isPlausible =
    sum[layout.classCount] === survivorCount &&
    images >= survivorCount &&
    counts.every((count) => count <= survivorCount * layout.limit);
  return isPlausible ? counts : undefined;
}
