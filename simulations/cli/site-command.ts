/** `consilium site`: everything that a hospital does at the command line. */
import { Command } from 'commander';
import { readFileSync } from 'node:fs';
import { summarisePlan } from '../../client/agent/plan-summary.ts';
import { authorityOf, startSite, type SiteReport } from '../../client/agent/site.ts';
import {
  isEnrolled,
  openSiteFolder,
  readPolicy,
  readRoster,
  siteIdentity,
  writePolicy,
  writeRoster,
  writeSite,
  type SiteFolder,
} from '../../client/config.ts';
import { sitePolicySchema } from '../../client/session/policy.ts';
import { askFederation, enrol } from '../../client/transport/coordinator-api.ts';
import { systemClock } from '../../shared/clock.ts';
import { fromHex } from '../../shared/crypto/bytes.ts';
import { fingerprintOf } from '../../shared/crypto/fingerprint.ts';
import { InputError } from '../../shared/errors.ts';
import { readInvitation } from '../../shared/protocol/enrolment.ts';
import { hashPlan } from '../../shared/protocol/plan.ts';
import type { FederationAnswer } from '../../shared/protocol/site-requests.ts';
import { runInterruptible } from '../interruptible.ts';
import { acting, commandsOf, say } from './command-forms.ts';
import { integer } from './options.ts';
import { describeSiteReport } from './site-log.ts';

interface Common {
  readonly dir: string;
  readonly json?: boolean;
}

const command = commandsOf({ description: "the site's folder", default: 'site-data' });

export function siteCommand(): Command {
  const group = new Command('site').description("a hospital's agent: join, approve plans, take part");
  for (const sub of [enroll(), plans(), approve(), start(), status()]) group.addCommand(sub);
  return group;
}

interface EnrollOptions extends Common {
  readonly data?: string;
  readonly authority?: string;
  readonly minimumCohort: number;
  readonly acknowledgeSmallCohort?: boolean;
}

function enroll(): Command {
  return command('enroll', "join a federation; makes this site's key here and sends only its public half")
    .argument('<invitation>', "what the consortium's administrator has handed over")
    .option('--data <source>', 'images with labels on this machine: folder:…, table:…, npz:…')
    .option('--authority <file>', 'PEM of the authority of the coordinator’s certificate')
    .option('--minimum-cohort <count>', 'take no part in a smaller round', integer, 5)
    .option(
      '--acknowledge-small-cohort',
      'take part with three or four sites, whose sum says much about each',
    )
    .action(
      acting(async (code: string, options: EnrollOptions) => {
        const { dir, data, authority, minimumCohort, acknowledgeSmallCohort = false } = options;
        if (isEnrolled(dir)) throw new InputError(`${dir} holds a site already; choose another folder`);
        const invitation = readInvitation(code);
        const identity = siteIdentity(dir);
        const ca = authority === undefined ? undefined : readFileSync(authority, 'utf8');
        const answer = await enrol({ url: invitation.url, ca }, invitation, identity);
        await writeSite(
          dir,
          {
            siteId: invitation.siteId,
            coordinator: {
              ...{ url: invitation.url, federationId: answer.federationId, key: answer.coordinatorKey },
              ...(authority !== undefined && { authority }),
            },
            ...(data !== undefined && { data }),
            engine: 'onnx',
          },
          sitePolicySchema.parse({
            approvedPlans: [],
            minimumCohort,
            smallCohortAcknowledged: acknowledgeSmallCohort,
          }),
        );
        say(`${invitation.siteId} has asked to join the federation at ${invitation.url}.`);
        say(`fingerprint  ${fingerprintOf(identity.publicKey)}`);
        say("Read it to the consortium's administrator, who approves this site when it is the same there.");
      }),
    );
}

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
      acting(async (options: Common) => {
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

function approve(): Command {
  return command('approve', 'allow a plan here, and accept the sites that take part')
    .argument('<plan>', 'its hash or the beginning of it')
    .action(
      acting(async (beginning: string, { dir }: Common) => {
        const folder = openSiteFolder(dir);
        const { plans, roster } = await federationOf(folder);
        const [plan, ...others] = plans.filter((each) => hashPlan(each).startsWith(beginning));
        if (!plan || others.length > 0 || beginning.length < 8)
          throw new InputError(
            `"${beginning}" names no single plan: give at least 8 digits; see \`consilium site plans\``,
          );
        const hash = hashPlan(plan);
        const policy = readPolicy(folder);
        const { smallCohortAcknowledged, minimumCohort } = policy;
        const cohort = plan.federation.minimumCohort;
        await writeRoster(folder, roster);
        await writePolicy(folder, {
          ...policy,
          approvedPlans: [...new Set([...policy.approvedPlans, hash])],
        });
        for (const line of summarisePlan(plan)) say(line);
        say(`Sites that take part: ${roster.sites.map(({ siteId }) => siteId).join(', ')}`);
        if (
          cohort < minimumCohort ||
          (cohort < 5 && !smallCohortAcknowledged && plan.protection.mode === 'secure-aggregation')
        )
          say(
            `note: the plan begins with ${String(cohort)} sites; the policy of this site (policy.yaml) asks for more or does not acknowledge so few, so it will refuse such rounds`,
          );
        say(`approved: ${hash}`);
      }),
    );
}

function start(): Command {
  return command('start', 'take part until Ctrl-C')
    .option('--json', 'log as JSON lines')
    .action(async ({ dir, json }: Common) => {
      await runInterruptible(async (signal) => {
        const site = await startSite(openSiteFolder(dir), (report: SiteReport) => {
          const line = json ? JSON.stringify(report) : describeSiteReport(report);
          if (line !== undefined) say(line);
        });
        const stopped = new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => {
            resolve();
          });
        });
        try {
          await Promise.race([stopped, site.finished]);
        } finally {
          await site.stop();
        }
      });
    });
}

function status(): Command {
  return command('status', 'who this site is, and what it allows')
    .option('--json', 'as JSON')
    .action(
      acting(async ({ dir, json }: Common) => {
        const folder = openSiteFolder(dir);
        const { config, identity } = folder;
        const { approvedPlans, minimumCohort } = readPolicy(folder);
        const known = {
          site: config.siteId,
          fingerprint: fingerprintOf(identity.publicKey),
          coordinator: config.coordinator.url,
          coordinatorFingerprint: fingerprintOf(fromHex(config.coordinator.key)),
          data: config.data ?? null,
          approvedPlans,
          minimumCohort,
          acceptedSites: readRoster(folder)?.sites.map(({ siteId }) => siteId) ?? [],
        };
        if (json) say(JSON.stringify(known, undefined, 2));
        else
          for (const [name, value] of Object.entries(known))
            say(
              `${name.padEnd(24)}${Array.isArray(value) ? value.join(', ') || 'none' : String(value ?? 'none')}`,
            );
        await Promise.resolve();
      }),
    );
}
