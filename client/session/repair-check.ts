/**
 * Whether a site may take part in a round again although it has revealed shares for it: only where it is proven that others
 * have spoilt the sum, and only with exactly the other survivors (`bad-secret.ts` says why).
 */
import type { SiteId } from '../../shared/ids.ts';
import { isProven, type Repair, type SpoiltAttempt } from '../../shared/protocol/bad-secret.ts';
import type { RoundContext } from '../../shared/protocol/messages.ts';
import type { SiteView } from './admission.ts';
import { roundPeers } from './round-secrets.ts';
import type { Session, UnmaskedAttempt } from './state.ts';

/** The attempt in which the site has answered an unmasking that came to nothing, as far as it knows. */
export function unmaskedAttempt(session: Session): UnmaskedAttempt | undefined {
  if (session.phase !== 'unmasked' || !session.masking) return session.inVain;
  // Word of its end may have been lost.
  return { context: session.context, masking: session.masking };
}

export interface Repetition {
  readonly context: RoundContext;
  readonly cohort: readonly SiteId[];
  readonly repair: Repair;
}

/** Whether the proofs hold, and the announced sites are the survivors of the spoilt attempt without those who spoilt it. */
export async function isRepair(
  { session, roster, verify }: Pick<SiteView, 'session' | 'roster' | 'verify'>,
  { context, cohort, repair }: Repetition,
): Promise<boolean> {
  const attempt = unmaskedAttempt(session);
  if (!attempt || !roster || !isSameRound(attempt.context, context)) return false;
  if (repair.attempt !== attempt.context.attempt || context.attempt <= repair.attempt) return false;
  const spoilt = spoiltAttempt(session.siteId, attempt);
  if (!spoilt) return false;
  for (const proof of repair.proofs) {
    const publicKey = roster.keys.get(proof.siteId);
    if (!publicKey || !(await isProven(proof, spoilt, { publicKey, verify }))) return false;
  }
  const proven = new Set(repair.proofs.map(({ siteId }) => siteId));
  const others = spoilt.survivors.filter((siteId) => !proven.has(siteId));
  return others.length === cohort.length && others.every((siteId) => cohort.includes(siteId));
}

/** Another attempt from the same model under the same plan. */
export const isSameRound = (a: RoundContext, b: RoundContext): boolean =>
  a.runId === b.runId && a.round === b.round && a.planHash === b.planHash && a.modelHash === b.modelHash;

function spoiltAttempt(siteId: SiteId, { context, masking }: UnmaskedAttempt): SpoiltAttempt | undefined {
  const { peers, sharers, survivors } = masking;
  if (!peers || !sharers || !survivors) return undefined;
  const { topology } = roundPeers(siteId, masking);
  const { memberBinding, advertisements } = peers;
  return { context, memberBinding, advertisements, topology, members: sharers, survivors };
}
