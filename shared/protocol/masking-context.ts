/**
 * The terms of a masked round, which both ends work out for themselves: from the plan, the announcement and what is
 * pinned at the site. Their hash is bound into every signature, mask and share of the round.
 */
import { fromHex, toHex } from '../crypto/bytes.ts';
import { sha512Hex } from '../crypto/hash.ts';
import { InvariantError } from '../errors.ts';
import type { SiteId } from '../ids.ts';
import { deriveSeed, type Seed } from '../rng.ts';
import { secaggContext } from '../secagg/context.ts';
import { vectorLayout, type VectorLayout } from '../secagg/masked-vector.ts';
import { thresholdOf } from '../secagg/threshold.ts';
import { canonicalBytes } from './canonical.ts';
import { countsLayout, isCountsRound } from './class-counts.ts';
import { vectorLengthOf } from './initial-model.ts';
import type { MaskingHeader } from './masking-messages.ts';
import type { RoundContext } from './messages.ts';
import type { Plan } from './plan.ts';
import { vectorCountOf } from './strategy.ts';

/** Counters behind the delta; see `ring-update.ts`. */
export const UPDATE_COUNTERS = 6;

export type RingPlan = Pick<Plan, 'parameterCount' | 'initialModel' | 'protection'> & {
  readonly federation: Pick<Plan['federation'], 'strategy'>;
  readonly task: Pick<Plan['task'], 'classNames'>;
};

/** Undefined for a plan whose updates are float vectors. @throws InputError where the ring has no room for the cohort */
export function layoutOf(plan: RingPlan, cohortSize: number, round: number): VectorLayout | undefined {
  const { ring } = plan.protection;
  if (!ring) return undefined;
  return vectorLayout({
    bits: ring.bits,
    cohort: cohortSize,
    clipL2Norm: ring.clipL2Norm,
    // SCAFFOLD's second vector goes behind the first; the clip is on both together.
    parameterCount: vectorLengthOf(plan, round) * vectorCountOf(plan.federation.strategy),
    counterCount: UPDATE_COUNTERS,
  });
}

/** Undefined for a plan without secure aggregation. */
export function thresholdFor(protection: Plan['protection'], cohortSize: number): number | undefined {
  return protection.mode === 'secure-aggregation'
    ? (protection.threshold ?? thresholdOf(cohortSize))
    : undefined;
}

export interface MaskingTerms {
  readonly plan: RingPlan;
  readonly context: RoundContext;
  /** Everyone who is announced to. */
  readonly cohort: readonly SiteId[];
  readonly header: MaskingHeader;
  /** Ed25519: its hash names the federation. */
  readonly coordinatorKey: Uint8Array;
  /** Of the federation, where the announcement has them. */
  readonly classCounts?: readonly number[] | undefined;
}

/** The context of a round. 128 hexadecimal digits. @throws InputError where the ring has no room for the cohort */
export function bindingOfTerms(terms: MaskingTerms): string {
  const { context, cohort, header, coordinatorKey, classCounts } = terms;
  const bytes = secaggContext({
    federationId: toHex(coordinatorKey),
    ...context,
    cohort,
    rosterHash: header.rosterHash,
    threshold: header.threshold,
    ...vectorTerms(terms),
    privacy: null,
    previousTranscriptHash: header.previous?.transcript ?? '',
    ...(classCounts && { classCounts }),
    // Sites that are shown other proofs have another context.
    ...(header.repair && { repair: sha512Hex(canonicalBytes(header.repair)) }),
  });
  return toHex(bytes);
}

/** How the vectors of the round look. */
function vectorTerms({ plan, context, cohort }: MaskingTerms) {
  if (isCountsRound(context)) {
    const { bits, length, limit } = countsLayout(plan.task.classNames.length, cohort.length);
    // Whole numbers as they are, each up to the limit.
    return { ringBits: bits, vectorLength: length, clipL2Norm: limit, quantiserScale: 1 };
  }
  const layout = layoutOf(plan, cohort.length, context.round);
  if (!layout) throw new InvariantError('only a plan with a ring has terms of masking');
  const { bits, length, clipL2Norm, quantiser } = layout;
  return { ringBits: bits, vectorLength: length, clipL2Norm, quantiserScale: quantiser.scale };
}

/** What is signed once the advertisements are known: context and H(U1) together. 128 hexadecimal digits. */
export function bindingOfMembers(binding: string, advertisements: Uint8Array): string {
  return sha512Hex(fromHex(binding), advertisements);
}

/** What a site signs about the survivors. 128 hexadecimal digits. */
export function hashSites(sites: readonly SiteId[]): string {
  return sha512Hex(canonicalBytes({ sites: [...sites].sort() }));
}

/** The flattening of narrow rings is the same for all and public. */
export function flatteningSeed({ runId, round }: Pick<RoundContext, 'runId' | 'round'>): Seed {
  return deriveSeed('secagg/flattening', runId, round);
}
