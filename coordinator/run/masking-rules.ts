/** What secure aggregation carries from round to round of a run: the history that all sites share, and who has cheated. */
import { toHex } from '../../shared/crypto/bytes.ts';
import type { Identity } from '../../shared/crypto/identity.ts';
import type { SiteId } from '../../shared/ids.ts';
import type { Plan } from '../../shared/protocol/plan.ts';
import { hashRoster } from '../../shared/protocol/roster.ts';
import type { MaskingRules } from '../round/masking-state.ts';
import type { PlannedRepair } from '../round/state.ts';
import { classCountsIn, type AttemptRecord } from './progress.ts';

/** Sites that have been shown to cheat: they take part no more. */
export function cheatsIn(records: readonly AttemptRecord[]): ReadonlySet<SiteId> {
  const drops = records.flatMap(({ dropped }) => dropped);
  const cheats = drops.filter(({ reason }) => reason === 'bad-share' || reason === 'bad-secret');
  return new Set(cheats.map(({ siteId }) => siteId));
}

export interface MaskedRun {
  readonly plan: Plan;
  readonly roster: ReadonlyMap<SiteId, Uint8Array>;
  readonly identity: Identity;
}

/** Undefined for a plan without secure aggregation. `repairing`: the round is such a repetition. */
export function maskingRulesOf(
  { plan, roster, identity }: MaskedRun,
  records: readonly AttemptRecord[],
  repairing: PlannedRepair | undefined,
): MaskingRules | undefined {
  if (plan.protection.mode !== 'secure-aggregation') return undefined;
  const last = records.findLast((record) => record.outcome !== 'aborted');
  const previous = last?.transcript === undefined ? null : { round: last.round, transcript: last.transcript };
  const classCounts = classCountsIn(records);
  return {
    ...{ plan, rosterHash: hashRoster(roster), coordinatorKey: toHex(identity.publicKey), previous },
    ...(classCounts && { classCounts }),
    ...(repairing && { repair: { attempt: repairing.attempt, proofs: repairing.proofs } }),
  };
}
