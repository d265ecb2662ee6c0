/** The plans of the federation for the site's page, and what its people decide about them. */
import type { Clock } from '../../shared/clock.ts';
import { fromHex } from '../../shared/crypto/bytes.ts';
import { fingerprintOf } from '../../shared/crypto/fingerprint.ts';
import { messageOf } from '../../shared/errors.ts';
import type { PlanHash } from '../../shared/ids.ts';
import { hashPlan, type Plan } from '../../shared/protocol/plan.ts';
import { summarisePlan } from '../../shared/protocol/plan-summary.ts';
import { hashRoster, openRoster } from '../../shared/protocol/roster.ts';
import type { FederationAnswer } from '../../shared/protocol/site-requests.ts';
import {
  approvePlan,
  cohortNote,
  comparedWithLast,
  federationOf,
  misfitHere,
  refusePlan,
  type ApprovalOutcome,
} from '../agent/plan-decisions.ts';
import { rosterDifference } from '../agent/roster-difference.ts';
import { readProposals } from '../agent/second-person.ts';
import { misfit, readManifest, type CohortManifest } from '../cohort/scan.ts';
import { readPolicy, readRoster, type SiteFolder } from '../config.ts';
import type { LedgerEntry } from '../ledger/chain.ts';
import { PageRefusal } from './refusal.ts';
import type { PlansView, PlanState, PlanView, RosterView } from './views.ts';

interface Surroundings {
  readonly folder: SiteFolder;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly entries: readonly LedgerEntry[];
}

interface Asked {
  readonly answer?: FederationAnswer;
  readonly problem: string | null;
}

async function asked(folder: SiteFolder, clock: Pick<Clock, 'nowMs'>): Promise<Asked> {
  try {
    return { answer: await federationOf(folder, clock), problem: null };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}

/** Also where the coordinator cannot be asked: what is approved here holds all the same. */
export async function plansView(surroundings: Surroundings): Promise<PlansView> {
  const { folder, clock, entries } = surroundings;
  const { answer, problem } = await asked(folder, clock);
  const policy = readPolicy(folder);
  const manifest = await readManifest(folder.path).catch(() => undefined);
  const plans = answer?.plans ?? [];
  const offered = new Set<string>(plans.map(hashPlan));
  const proposals = readProposals(folder.path);
  const views = plans.map((plan): PlanView => {
    const planHash = hashPlan(plan);
    const proposal = proposals.find((known) => known.planHash === planHash);
    const decision = lastDecision(entries, planHash);
    const state = stateOf({ isApproved: policy.approvedPlans.includes(planHash), proposal, decision });
    return {
      ...{ planHash, name: plan.task.name, summary: summarisePlan(plan), plan, state },
      decidedAt: decision?.time ?? null,
      proposedBy: proposal?.person ?? null,
      difference: comparedWithLast(plan, plans, policy) ?? null,
      misfit: misfitOf(manifest, plan),
      note: cohortNote(plan, policy) ?? null,
    };
  });
  return {
    ...{ problem, plans: views },
    roster: answer ? rosterView(folder, answer) : null,
    otherApproved: policy.approvedPlans.filter((hash) => !offered.has(hash)),
    isScanned: manifest !== undefined,
    twoPersonApproval: policy.twoPersonApproval ?? false,
  };
}

const misfitOf = (manifest: CohortManifest | undefined, plan: Plan): string | null =>
  (manifest && misfit(manifest, plan)) ?? null;

const DECISIONS = ['planApproved', 'planProposed', 'planWithdrawn', 'planRefused'] as const;
type Decision = LedgerEntry & { readonly event: { readonly kind: (typeof DECISIONS)[number] } };

const isDecision = (entry: LedgerEntry): entry is Decision =>
  DECISIONS.some((kind) => kind === entry.event.kind);

function lastDecision(entries: readonly LedgerEntry[], planHash: PlanHash): Decision | undefined {
  return entries
    .filter(isDecision)
    .findLast(({ event }) => 'planHash' in event && event.planHash === planHash);
}

interface Standing {
  readonly isApproved: boolean;
  readonly proposal: object | undefined;
  readonly decision: Decision | undefined;
}

/** The policy file says what holds: people may have changed it by hand. */
function stateOf({ isApproved, proposal, decision }: Standing): PlanState {
  if (isApproved) return 'approved';
  if (proposal) return 'proposed';
  const kind = decision?.event.kind;
  return kind === 'planRefused' || kind === 'planWithdrawn' ? 'refused' : 'undecided';
}

function rosterView(folder: SiteFolder, { roster }: FederationAnswer): RosterView | null {
  const keys = openRoster(fromHex(folder.config.coordinator.key), roster);
  if (!keys) return null;
  const before = acceptedRoster(folder);
  const accepted = before && openRoster(fromHex(folder.config.coordinator.key), before);
  const rosterHash = hashRoster(keys);
  return {
    rosterHash,
    sites: roster.sites.map(({ siteId, publicKey }) => ({
      siteId,
      fingerprint: fingerprintOf(fromHex(publicKey)),
    })),
    difference: rosterDifference(before, roster),
    isAccepted: accepted !== undefined && hashRoster(accepted) === rosterHash,
  };
}

/** One that cannot be read counts as none: approving puts it right. */
function acceptedRoster(folder: SiteFolder): ReturnType<typeof readRoster> {
  try {
    return readRoster(folder);
  } catch {
    return undefined;
  }
}

export interface ApprovalWish {
  readonly planHash: PlanHash;
  /** Of the list of sites that the person has seen. */
  readonly rosterHash: string;
  /** Also when the images here do not fit. */
  readonly anyway: boolean;
  readonly person: string;
}

/** @throws PageRefusal when the plan is not offered, does not fit, or the list of sites is another than the person has seen */
export async function decideFor(
  { folder, clock }: Pick<Surroundings, 'folder' | 'clock'>,
  { planHash, rosterHash, anyway, person }: ApprovalWish,
): Promise<ApprovalOutcome> {
  const { plans, roster } = await federationOf(folder, clock);
  const plan = plans.find((offered) => hashPlan(offered) === planHash);
  if (!plan)
    throw new PageRefusal(404, 'not-found', 'the coordinator offers no such plan (any more): look again');
  const keys = openRoster(fromHex(folder.config.coordinator.key), roster);
  if (!keys || hashRoster(keys) !== rosterHash)
    throw new PageRefusal(
      409,
      'roster-changed',
      'the list of sites has changed since you looked: look at it again, then approve',
    );
  const fault = anyway ? undefined : await misfitHere(folder, plan, clock);
  if (fault !== undefined) throw new PageRefusal(409, 'misfit', fault);
  return approvePlan({ folder, clock, plan, roster, person });
}

export const decideAgainst = (
  { folder, clock }: Pick<Surroundings, 'folder' | 'clock'>,
  planHash: PlanHash,
): Promise<void> => refusePlan(folder, clock, planHash);
