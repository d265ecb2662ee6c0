/** `consilium site`: everything that a hospital does at the command line. */
import { Command } from 'commander';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { lockOf, startSite, type SiteReport } from '../../client/agent/site.ts';
import {
  hasPolicy,
  isEnrolled,
  readDraft,
  openSiteFolder,
  readPolicy,
  readRoster,
  siteIdentity,
  writeSite,
} from '../../client/config.ts';
import { isHeld } from '../../client/lock-file.ts';
import { sitePolicySchema } from '../../client/session/policy.ts';
import { enrol } from '../../client/transport/coordinator-api.ts';
import { fromHex } from '../../shared/crypto/bytes.ts';
import { fingerprintOf } from '../../shared/crypto/fingerprint.ts';
import { InputError } from '../../shared/errors.ts';
import { readInvitation } from '../../shared/protocol/enrolment.ts';
import { runInterruptible } from '../interruptible.ts';
import { acting, say } from './command-forms.ts';
import { integer } from './options.ts';
import { siteCareCommands } from './site-care-command.ts';
import { siteCommandNamed as command, type SiteOptions } from './site-forms.ts';
import { describeSiteReport, siteLogFields } from './site-log.ts';
import { sitePlanCommands } from './site-plans-command.ts';
import { siteRecordCommands } from './site-records-command.ts';

export function siteCommand(): Command {
  const group = new Command('site').description("a hospital's agent: join, approve plans, take part");
  const [init, scan, doctor, stop] = siteCareCommands();
  const commands = [init, enroll(), doctor, scan, ...sitePlanCommands(), start(), status()];
  for (const sub of [...commands, ...siteRecordCommands(), stop]) group.addCommand(sub);
  return group;
}

interface EnrollOptions extends SiteOptions {
  readonly data?: string;
  readonly authority?: string;
  readonly minimumCohort?: number;
  readonly acknowledgeSmallCohort?: boolean;
}

function enroll(): Command {
  return command('enroll', "join a federation; makes this site's key here and sends only its public half")
    .argument('<invitation>', "what the consortium's administrator has handed over")
    .option('--data <source>', 'images with labels on this machine: folder:…, table:…, npz:…')
    .option('--authority <file>', 'PEM of the authority of the coordinator’s certificate')
    .option('--minimum-cohort <count>', 'take no part in a smaller round (default: 5)', integer)
    .option(
      '--acknowledge-small-cohort',
      'take part with three or four sites, whose sum says much about each',
    )
    .action(
      acting(async (code: string, options: EnrollOptions) => {
        const { dir, data, authority, minimumCohort, acknowledgeSmallCohort } = options;
        if (isEnrolled(dir)) throw new InputError(`${dir} holds a site already; choose another folder`);
        if (hasPolicy(dir) && (minimumCohort !== undefined || acknowledgeSmallCohort !== undefined))
          throw new InputError(
            `${join(dir, 'policy.yaml')} is there already and stays as it is: write minimumCohort and smallCohortAcknowledged into it, and leave --minimum-cohort and --acknowledge-small-cohort out`,
          );
        const invitation = readInvitation(code);
        const draft = readDraft(dir);
        const identity = siteIdentity(dir);
        const ca = authority === undefined ? undefined : readFileSync(authority, 'utf8');
        const answer = await enrol({ url: invitation.url, ca }, invitation, identity);
        await writeSite(
          dir,
          {
            ...draft,
            siteId: invitation.siteId,
            coordinator: {
              ...{ url: invitation.url, federationId: answer.federationId, key: answer.coordinatorKey },
              ...(authority !== undefined && { authority }),
            },
            ...(data !== undefined && { data }),
            engine: draft?.engine ?? 'onnx',
          },
          sitePolicySchema.parse({
            approvedPlans: [],
            ...(minimumCohort !== undefined && { minimumCohort }),
            smallCohortAcknowledged: acknowledgeSmallCohort ?? false,
          }),
        );
        say(`${invitation.siteId} has asked to join the federation at ${invitation.url}.`);
        say(`fingerprint  ${fingerprintOf(identity.publicKey)}`);
        say("Read it to the consortium's administrator, who approves this site when it is the same there.");
      }),
    );
}

function start(): Command {
  return command('start', 'take part until Ctrl-C')
    .option('--json', 'log as JSON lines')
    .action(async ({ dir, json }: SiteOptions) => {
      await runInterruptible(async (signal) => {
        const site = await startSite(openSiteFolder(dir), (report: SiteReport) => {
          const line = json ? JSON.stringify(siteLogFields(report)) : describeSiteReport(report);
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
      acting(async ({ dir, json }: SiteOptions) => {
        const folder = openSiteFolder(dir);
        const { config, identity } = folder;
        const { approvedPlans, minimumCohort } = readPolicy(folder);
        const known = {
          site: config.siteId,
          running: await isHeld(lockOf(folder)),
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
      }),
    );
}
