/** `consilium site plans | approve | withdraw`: what the hospital allows. */
import type { Command } from 'commander';
import {
  approvePlan,
  cohortNote,
  comparedWithLast,
  federationOf,
  misfitHere,
  refusePlan,
} from '../../client/agent/plan-decisions.ts';
import { rosterDifference } from '../../client/agent/roster-difference.ts';
import { COMMAND_LINE } from '../../client/agent/second-person.ts';
import { openSiteFolder, readPolicy, readRoster, type SiteFolder } from '../../client/config.ts';
import type { SitePolicy } from '../../client/session/policy.ts';
import { systemClock } from '../../shared/clock.ts';
import { InputError, messageOf } from '../../shared/errors.ts';
import { hashPlan, type Plan } from '../../shared/protocol/plan.ts';
import { summarisePlan } from '../../shared/protocol/plan-summary.ts';
import type { FederationAnswer } from '../../shared/protocol/site-requests.ts';
import { acting, say } from './command-forms.ts';
import { siteCommandNamed as command, type SiteOptions } from './site-forms.ts';

export const sitePlanCommands = (): readonly Command[] => [plans(), approve(), withdraw()];

function plans(): Command {
  return command('plans', 'the plans of the federation, in sentences, and whether they are approved here')
    .option('--json', 'as JSON')
    .action(
      acting(async (options: SiteOptions) => {
        const folder = openSiteFolder(options.dir);
        const { approvedPlans } = readPolicy(folder);
        const { plans } = await federationOf(folder, systemClock);
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
        const answer = await federationOf(folder, systemClock);
        const plan = planNamed(answer.plans, beginning);
        const policy = readPolicy(folder);
        for (const line of summarisePlan(plan)) say(line);
        sayDifference(plan, answer.plans, policy);
        const fault = await misfitHere(folder, plan, systemClock);
        if (fault !== undefined && !anyway)
          throw new InputError(
            `${fault}; nothing was approved (rename folders or labels, then \`consilium site scan\`; or approve with --anyway)`,
          );
        await allow(folder, plan, answer);
      }),
    );
}

/** What the plan that was approved last says otherwise, as far as the coordinator still has it. */
function sayDifference(plan: Plan, known: readonly Plan[], policy: SitePolicy): void {
  const comparison = comparedWithLast(plan, known, policy);
  if (!comparison) return;
  say(`Compared with the plan that was approved before (${comparison.planHash.slice(0, 16)}):`);
  for (const line of comparison.lines) say(`  ${line}`);
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

async function allow(folder: SiteFolder, plan: Plan, { roster }: FederationAnswer): Promise<void> {
  sayNewSites(folder, roster);
  say(`Sites that take part: ${roster.sites.map(({ siteId }) => siteId).join(', ')}`);
  const note = cohortNote(plan, readPolicy(folder));
  const approval = { folder, clock: systemClock, plan, roster, person: COMMAND_LINE };
  const outcome = await approvePlan(approval);
  if (outcome.kind === 'proposed') {
    say("The policy of this site asks for two people: the second one approves on the site's page.");
    return;
  }
  if (outcome.fetchedModel)
    say(`fetched the model that the plan starts from: ${plan.initialModel?.sha512.slice(0, 16) ?? ''}…`);
  if (note !== undefined) say(`note: ${note}`);
  say(`approved: ${hashPlan(plan)}`);
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
        await refusePlan(folder, systemClock, hash);
        say(`withdrawn: ${hash}`);
        say('What earlier rounds have learned with this site stays in the models that were published.');
      }),
    );
}

function planNamed(plans: readonly Plan[], beginning: string): Plan {
  const [plan, ...others] = plans.filter((each) => hashPlan(each).startsWith(beginning));
  if (!plan || others.length > 0 || beginning.length < 8)
    throw new InputError(
      `"${beginning}" names no single plan: give at least 8 digits; see \`consilium site plans\``,
    );
  return plan;
}
