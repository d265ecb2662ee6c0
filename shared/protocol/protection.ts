/**
 * How updates are hidden, as a plan says it, and why a plan's choice cannot work. The site signs its update always.
 *
 * 'secure-aggregation': updates are masked (Bonawitz et al. 2017, CCS); the coordinator learns their sum and nothing of a
 * single one. 'box': sealed for the coordinator's key, so that the coordinator sees each site's update and nobody else
 * does. 'plain': not hidden at all, for experiments on public data; everyone who shows its result says so.
 */
import { z } from 'zod';
import { InputError } from '../errors.ts';
import { quantiserFor } from '../secagg/quantiser.ts';
import { cohortRefusal } from '../secagg/threshold.ts';

/** Nobody's training set is much larger, and a hundredth of it still has a million steps of the 32-bit ring. */
export const DEFAULT_EXAMPLE_CAP = 10_000;

/**
 * Sums of updates are sums of integers modulo 2^bits. The example cap bounds the weight of a site, the clip bounds what
 * one site can move.
 */
export const ringSchema = z.strictObject({
  /** 32, or 16 or 8 for a smaller upload. */
  bits: z.union([z.literal(32), z.literal(16), z.literal(8)]).default(32),
  /**
   * L2 bound on a site's delta, which is scaled down to it. 32 is several times what a round of local training moves the
   * models here; the 32-bit ring still resolves 10⁻⁷ of it for a hundred sites.
   */
  clipL2Norm: z.number().positive().max(1e6).default(32),
  /** A site with more examples counts as one with so many. */
  exampleCap: z.int().min(1).max(0xffff_ffff).default(DEFAULT_EXAMPLE_CAP),
});
export type RingSettings = z.infer<typeof ringSchema>;

export const PROTECTION_MODES = ['secure-aggregation', 'box', 'plain'] as const;
export type ProtectionMode = (typeof PROTECTION_MODES)[number];

export const protectionSchema = z.discriminatedUnion('mode', [
  z.strictObject({
    mode: z.literal('secure-aggregation'),
    ring: ringSchema.prefault({}),
    /** Shares that reconstruct a secret, and sites that have to stay to the end. Absent: ⌊2n/3⌋ + 1 of a cohort of n. */
    threshold: z.int().min(2).max(1024).optional(),
    /** Three or four sites: the sum of the others says much about each. */
    smallCohortAcknowledged: z.boolean().default(false),
  }),
  /** With a ring: the sum is made of the same integers as under secure aggregation. */
  z.strictObject({ mode: z.literal('box'), ring: ringSchema.optional() }),
  z.strictObject({ mode: z.literal('plain'), ring: ringSchema.optional() }),
]);
export type Protection = z.infer<typeof protectionSchema>;

/** What has to be said wherever a run under the plain mode is shown. */
export const PLAIN_PROTECTION_WARNING =
  "Protection 'plain': updates were signed but not encrypted. Nothing hid them: whoever carried or stored them could " +
  'read what each site sent, and images can be reconstructed from updates. Never use it with patient data.';

/** What of the rest of a plan its protection depends on. */
interface Surroundings {
  readonly minimumCohort: number;
  readonly maximumUpdateL2Norm?: number | undefined;
}

/** Why the protection cannot work with the rest of the plan; undefined when it can. */
export function protectionConflict(protection: Protection, federation: Surroundings): string | undefined {
  const ring = protection.ring && ringConflict(protection.ring, federation.minimumCohort);
  if (ring !== undefined) return ring;
  if (protection.mode !== 'secure-aggregation') return undefined;
  const { minimumCohort, maximumUpdateL2Norm } = federation;
  const acknowledgedSmallCohort = protection.smallCohortAcknowledged;
  const refusal = cohortRefusal(minimumCohort, { acknowledgedSmallCohort });
  if (refusal !== undefined) return smallCohortMessage(minimumCohort);
  if (maximumUpdateL2Norm !== undefined)
    return 'secure aggregation hides single updates, so federation.maximumUpdateL2Norm cannot be checked: leave it out, protection.ring.clipL2Norm bounds every update at its site';
  const { threshold } = protection;
  if (threshold !== undefined && (threshold > minimumCohort || 2 * threshold <= minimumCohort))
    return `protection.threshold ${String(threshold)} has to be above half of federation.minimumCohort, ${String(minimumCohort)}, and not above it`;
  return undefined;
}

function smallCohortMessage(cohort: number): string {
  return cohort < 3
    ? `secure aggregation needs at least 3 sites, better 5: with ${String(cohort)} the sum shows the other site's update; add sites or choose protection 'box'`
    : `secure aggregation of ${String(cohort)} sites tells each much about the others: acknowledge it (protection.smallCohortAcknowledged, --acknowledge-small-cohort), add sites or choose protection 'box'`;
}

function ringConflict({ bits, clipL2Norm }: RingSettings, cohort: number): string | undefined {
  try {
    // The bound on the steps of a site depends on bits and cohort alone.
    quantiserFor({ bits, cohort, clip: clipL2Norm, length: 1 });
    return undefined;
  } catch (error) {
    if (error instanceof InputError) return `protection.ring: ${error.message}`;
    throw error;
  }
}
