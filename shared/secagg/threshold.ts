/**
 * How many sites it takes to unmask, and how few may form a cohort. t = ⌊2n/3⌋ + 1 is the threshold of Bonawitz et al.
 * 2017 (CCS, §4 and §6) against a malicious server: two disjoint answers to different survivor sets would need 2t − n
 * sites that answer both, and those are more than n/3.
 */
import { InvariantError } from '../errors.ts';

/** The library of shares numbers them by one byte, none of them 0. Larger cohorts share with neighbours only. */
export const MAX_COMPLETE_COHORT = 255;
export const DEFAULT_MINIMUM_COHORT = 5;
/** Below it the sum of the others is one site's update to each of them: no acknowledgement makes that acceptable. */
const SMALLEST_COHORT = 3;

function requireCount(n: number): void {
  if (!Number.isInteger(n) || n < 1)
    throw new InvariantError(`a cohort has 1 or more sites, not ${String(n)}`);
}

/** Shares that reconstruct a secret among `n` sites. */
export function thresholdOf(n: number): number {
  requireCount(n);
  return Math.floor((2 * n) / 3) + 1;
}

/** Sites that may drop without losing the round; 0 or more. */
export function toleratedDrops(n: number): number {
  return Math.max(0, n - thresholdOf(n));
}

/** Why a cohort is refused. */
export type CohortRefusal =
  /** One or two sites: each would learn the other's update from the sum. */
  | 'too-few-sites'
  /** Three or four: only with the acknowledgement in the site's policy. */
  | 'small-cohort-not-acknowledged';

/** Undefined when a cohort of `n` sites may run. */
export function cohortRefusal(
  n: number,
  policy: { readonly acknowledgedSmallCohort: boolean },
): CohortRefusal | undefined {
  requireCount(n);
  if (n < SMALLEST_COHORT) return 'too-few-sites';
  if (n < DEFAULT_MINIMUM_COHORT && !policy.acknowledgedSmallCohort) return 'small-cohort-not-acknowledged';
  return undefined;
}
