/** `consilium site plans | approve | withdraw`: what the hospital allows. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { planDifference } from '../../client/agent/plan-difference.ts';
import { rosterDifference } from '../../client/agent/roster-difference.ts';
import { authorityOf, modelFetcher, MODELS_FOLDER } from '../../client/agent/site.ts';
import { misfit, readManifest, scanCohort } from '../../client/cohort/scan.ts';
import {
  openSiteFolder,
  readPolicy,
  readRoster,
  writePolicy,
  writeRoster,
  type SiteFolder,
} from '../../client/config.ts';
import type { SiteAct } from '../../client/ledger/acts.ts';
import { SiteLedger } from '../../client/ledger/ledger-file.ts';
import type { SitePolicy } from '../../client/session/policy.ts';
import { ensureInitialModel } from '../../client/training/initial-model-file.ts';
import { askFederation } from '../../client/transport/coordinator-api.ts';
import { systemClock } from '../../shared/clock.ts';
import { fromHex } from '../../shared/crypto/bytes.ts';
import { sourceFrom } from '../../shared/data/open-local.ts';
import { InputError, messageOf } from '../../shared/errors.ts';
import { hashPlan, type Plan } from '../../shared/protocol/plan.ts';
import { summarisePlan } from '../../shared/protocol/plan-summary.ts';
import { hashRoster, openRoster } from '../../shared/protocol/roster.ts';
import type { FederationAnswer } from '../../shared/protocol/site-requests.ts';
import { acting, say } from './command-forms.ts';
import { siteCommandNamed as command, type SiteOptions } from './site-forms.ts';

export const sitePlanCommands = (): readonly Command[] => [plans(), approve(), withdraw()];

async function federationOf(folder: SiteFolder): Promise<FederationAnswer> {
  const { config, identity } = folder;
  return askFederation(
    { url: config.coordinator.url, ca: authorityOf(folder) },
    config,
    identity,
    systemClock,
  );
}

function plans(): Command {
  return command('plans', 'the plans of the federation, in sentences, and whether they are approved here')
    .option('--json', 'as JSON')
    .action(
      acting(async (options: SiteOptions) => {
        const folder = openSiteFolder(options.dir);
        const { approvedPlans } = readPolicy(folder);
        const { plans } = await federationOf(folder);
        const known = plans.map((plan) => {
          const hash = hashPlan(plan);
          return { hash, approved: approvedPlans.includes(hash), summary: summarisePlan(plan) };
        });
        if (options.json) {
          say(JSON.stringify(known, undefined, 2));
          return;
        }
        for (const { hash, approved, summary } of known)
          say(
            [
              `${hash.slice(0, 16)}  ${approved ? 'approved' : 'not approved'}`,
              ...summary.map((line) => `  ${line}`),
            ].join('\n'),
          );
        if (known.length === 0) say('none');
      }),
    );
}

interface ApproveOptions extends SiteOptions {
  readonly anyway?: boolean;
}

function approve(): Command {
  return command('approve', 'allow a plan here, and accept the sites that take part')
    .argument('<plan>', 'its hash or the beginning of it')
    .option('--anyway', 'also when the images here do not fit the plan')
    .action(
      acting(async (beginning: string, { dir, anyway }: ApproveOptions) => {
        const folder = openSiteFolder(dir);
        const answer = await federationOf(folder);
        const plan = planNamed(answer.plans, beginning);
        const policy = readPolicy(folder);
        for (const line of summarisePlan(plan)) say(line);
        sayDifference(plan, answer.plans, policy);
        const fault = await misfitHere(folder, plan);
        if (fault !== undefined && !anyway)
          throw new InputError(
            `${fault}; nothing was approved (rename folders or labels, then \`consilium site scan\`; or approve with --anyway)`,
          );
        await allow(folder, plan, answer, policy);
      }),
    );
}

/** What the plan that was approved last says otherwise, as far as the coordinator still has it. */
function sayDifference(plan: Plan, known: readonly Plan[], { approvedPlans }: SitePolicy): void {
  const hash = hashPlan(plan);
  const last = approvedPlans.filter((approved) => approved !== hash).at(-1);
  const before = last === undefined ? undefined : known.find((other) => hashPlan(other) === last);
  if (!before) return;
  say(`Compared with the plan that was approved before (${hashPlan(before).slice(0, 16)}):`);
  for (const line of planDifference(before, plan)) say(`  ${line}`);
}

async function misfitHere({ path, config }: SiteFolder, plan: Plan): Promise<string | undefined> {
  if (config.data === undefined) return undefined;
  const source = sourceFrom(path, config.data);
  const last = await readManifest(path);
  const manifest = last?.source === source ? last : await scanCohort(source, { nowMs: systemClock.nowMs() });
  return misfit(manifest, plan);
}

/** Against the list that was accepted before. */
function sayNewSites(folder: SiteFolder, roster: FederationAnswer['roster']): void {
  try {
    for (const line of rosterDifference(readRoster(folder), roster)) say(`Sites, ${line}`);
  } catch (error) {
    // A list that cannot be read is what approving puts right.
    say(`the list of sites that was accepted before cannot be compared: ${messageOf(error)}`);
  }
}

async function allow(
  folder: SiteFolder,
  plan: Plan,
  { roster }: FederationAnswer,
  policy: SitePolicy,
): Promise<void> {
  const keys = openRoster(fromHex(folder.config.coordinator.key), roster);
  if (!keys) throw new InputError('the roster that was sent is not signed with the key of this federation');
  sayNewSites(folder, roster);
  say(`Sites that take part: ${roster.sites.map(({ siteId }) => siteId).join(', ')}`);
  const hash = hashPlan(plan);
  if (await ensureInitialModel(plan, join(folder.path, MODELS_FOLDER), modelFetcher(folder, systemClock)))
    say(`fetched the model that the plan starts from: ${plan.initialModel?.sha512.slice(0, 16) ?? ''}…`);
  // Entered before it holds: whatever was allowed at any time can be read there.
  await enter(folder, {
    ...{ kind: 'planApproved', planHash: hash, rosterHash: hashRoster(keys), siteCount: keys.size },
  });
  await writeRoster(folder, roster);
  const others = policy.approvedPlans.filter((approved) => approved !== hash);
  await writePolicy(folder, { ...policy, approvedPlans: [...others, hash] });
  const { smallCohortAcknowledged, minimumCohort } = policy;
  const cohort = plan.federation.minimumCohort;
  if (
    cohort < minimumCohort ||
    (cohort < 5 && !smallCohortAcknowledged && plan.protection.mode === 'secure-aggregation')
  )
    say(
      `note: the plan begins with ${String(cohort)} sites; the policy of this site (policy.yaml) asks for more or does not acknowledge so few, so it will refuse such rounds`,
    );
  say(`approved: ${hash}`);
}

function withdraw(): Command {
  return command('withdraw', 'allow a plan no longer; rounds that are past are not undone')
    .argument('<plan>', 'its hash or the beginning of it')
    .action(
      acting(async (beginning: string, { dir }: SiteOptions) => {
        const folder = openSiteFolder(dir);
        const policy = readPolicy(folder);
        const [hash, ...others] = policy.approvedPlans.filter((plan) => plan.startsWith(beginning));
        if (hash === undefined || others.length > 0 || beginning.length < 8)
          throw new InputError(
            `"${beginning}" names no single approved plan: give at least 8 digits; see \`consilium site status\``,
          );
        await writePolicy(folder, {
          ...policy,
          approvedPlans: policy.approvedPlans.filter((plan) => plan !== hash),
        });
        await enter(folder, { kind: 'planWithdrawn', planHash: hash });
        say(`withdrawn: ${hash}`);
        say('What earlier rounds have learned with this site stays in the models that were published.');
      }),
    );
}

const enter = (folder: SiteFolder, act: SiteAct): Promise<void> =>
  new SiteLedger({ folder: folder.path, identity: folder.identity, clock: systemClock }).enter(
    act,
    'administrator',
  );

function planNamed(plans: readonly Plan[], beginning: string): Plan {
  const [plan, ...others] = plans.filter((each) => hashPlan(each).startsWith(beginning));
  if (!plan || others.length > 0 || beginning.length < 8)
    throw new InputError(
      `"${beginning}" names no single plan: give at least 8 digits; see \`consilium site plans\``,
    );
  return plan;
}
