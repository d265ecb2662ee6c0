/** What the hospital's people decide about plans: what they have to know for it, and what follows from their word. */
import { join } from 'node:path';
import type { Clock } from '../../shared/clock.ts';
import { fromHex } from '../../shared/crypto/bytes.ts';
import { sourceFrom } from '../../shared/data/open-local.ts';
import { InputError } from '../../shared/errors.ts';
import type { PlanHash } from '../../shared/ids.ts';
import { hashPlan, type Plan } from '../../shared/protocol/plan.ts';
import { hashRoster, openRoster } from '../../shared/protocol/roster.ts';
import type { FederationAnswer } from '../../shared/protocol/site-requests.ts';
import { misfit, readManifest, scanCohort } from '../cohort/scan.ts';
import { readPolicy, writePolicy, writeRoster, type SiteFolder } from '../config.ts';
import type { SiteAct } from '../ledger/acts.ts';
import { SiteLedger } from '../ledger/ledger-file.ts';
import type { SitePolicy } from '../session/policy.ts';
import { ensureInitialModel } from '../training/initial-model-file.ts';
import { askFederation } from '../transport/coordinator-api.ts';
import { planDifference } from '../../shared/protocol/plan-difference.ts';
import { dropProposal, keepProposal, readProposals } from './second-person.ts';
import { authorityOf, modelFetcher, MODELS_FOLDER } from './site.ts';

type Now = Pick<Clock, 'nowMs'>;

/** Plans and list of sites, as the coordinator has them now. @throws InputError when it cannot be asked */
export function federationOf(folder: SiteFolder, clock: Now): Promise<FederationAnswer> {
  const { config, identity } = folder;
  const reach = { url: config.coordinator.url, ca: authorityOf(folder) };
  return askFederation(reach, config, identity, clock);
}

/** The plan that was approved last, as far as the coordinator still has it, and what the new one says otherwise. */
export interface Comparison {
  readonly planHash: PlanHash;
  readonly lines: readonly string[];
}

export function comparedWithLast(
  plan: Plan,
  known: readonly Plan[],
  { approvedPlans }: Pick<SitePolicy, 'approvedPlans'>,
): Comparison | undefined {
  const hash = hashPlan(plan);
  const last = approvedPlans.filter((approved) => approved !== hash).at(-1);
  const before = last === undefined ? undefined : known.find((other) => hashPlan(other) === last);
  return before && { planHash: hashPlan(before), lines: planDifference(before, plan) };
}

/** Why the images here do not fit the plan, by the last scan or by a new one; undefined when they do. */
export async function misfitHere(
  { path, config }: SiteFolder,
  plan: Plan,
  clock: Now,
): Promise<string | undefined> {
  if (config.data === undefined) return undefined;
  const source = sourceFrom(path, config.data);
  const last = await readManifest(path);
  const manifest = last?.source === source ? last : await scanCohort(source, { nowMs: clock.nowMs() });
  return misfit(manifest, plan);
}

/** What the policy will refuse although the plan is approved; undefined when nothing. */
export function cohortNote(plan: Plan, policy: SitePolicy): string | undefined {
  const { smallCohortAcknowledged = false, minimumCohort } = policy;
  const cohort = plan.federation.minimumCohort;
  const isSmall = cohort < 5 && !smallCohortAcknowledged && plan.protection.mode === 'secure-aggregation';
  if (cohort >= minimumCohort && !isSmall) return undefined;
  return `the plan begins with ${String(cohort)} sites; the policy of this site (policy.yaml) asks for more or does not acknowledge so few, so it will refuse such rounds`;
}

export interface Approval {
  readonly folder: SiteFolder;
  readonly clock: Now;
  readonly plan: Plan;
  readonly roster: FederationAnswer['roster'];
  /** For the second look of a policy that asks for two people, and for the ledger. */
  readonly person: string;
}

/** `proposed`: the policy asks for a second person, and this was the first. */
export type ApprovalOutcome =
  { readonly kind: 'approved'; readonly fetchedModel: boolean } | { readonly kind: 'proposed' };

/** Allows a plan together with the list of sites. @throws InputError when that list is not signed, or the person is the first again */
export async function approvePlan(approval: Approval): Promise<ApprovalOutcome> {
  const { folder, clock, plan, roster, person } = approval;
  const keys = openRoster(fromHex(folder.config.coordinator.key), roster);
  if (!keys) throw new InputError('the roster that was sent is not signed with the key of this federation');
  const policy = readPolicy(folder);
  const [planHash, rosterHash] = [hashPlan(plan), hashRoster(keys)];
  let people = [person];
  if (policy.twoPersonApproval) {
    const first = readProposals(folder.path).find(
      (known) => known.planHash === planHash && known.rosterHash === rosterHash,
    );
    if (!first) {
      const time = new Date(clock.nowMs()).toISOString();
      await enter(folder, clock, { kind: 'planProposed', planHash, person });
      await keepProposal(folder.path, { planHash, rosterHash, person, time });
      return { kind: 'proposed' };
    }
    if (first.person === person)
      throw new InputError(
        `the policy of this site asks for two people, and ${person} has approved already: somebody else has to`,
      );
    people = [first.person, person];
  }
  const models = join(folder.path, MODELS_FOLDER);
  const fetchedModel = await ensureInitialModel(plan, models, modelFetcher(folder, clock));
  // Entered before it holds: whatever was allowed at any time can be read there.
  await enter(folder, clock, {
    ...{ kind: 'planApproved', planHash, rosterHash, siteCount: keys.size },
    ...(policy.twoPersonApproval && { people }),
  });
  await writeRoster(folder, roster);
  const others = policy.approvedPlans.filter((approved) => approved !== planHash);
  await writePolicy(folder, { ...policy, approvedPlans: [...others, planHash] });
  await dropProposal(folder.path, planHash);
  return { kind: 'approved', fetchedModel };
}

/** Allows a plan no longer; one that was not approved is refused for the record. */
export async function refusePlan(folder: SiteFolder, clock: Now, planHash: PlanHash): Promise<void> {
  const policy = readPolicy(folder);
  const isApproved = policy.approvedPlans.includes(planHash);
  if (isApproved)
    await writePolicy(folder, {
      ...policy,
      approvedPlans: policy.approvedPlans.filter((plan) => plan !== planHash),
    });
  await dropProposal(folder.path, planHash);
  await enter(folder, clock, { kind: isApproved ? 'planWithdrawn' : 'planRefused', planHash });
}

const enter = (folder: SiteFolder, clock: Now, act: SiteAct): Promise<void> =>
  new SiteLedger({ folder: folder.path, identity: folder.identity, clock }).enter(act, 'administrator');
