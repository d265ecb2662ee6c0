/** `consilium site`: everything that a hospital does at the command line. */
import { Command } from 'commander';
import { joinFederation, type JoinOptions } from '../../client/agent/join.ts';
import { lockOf } from '../../client/agent/site.ts';
import { openSiteFolder, readPolicy, readRoster } from '../../client/config.ts';
import { isHeld } from '../../client/lock-file.ts';
import { fromHex } from '../../shared/crypto/bytes.ts';
import { fingerprintOf } from '../../shared/crypto/fingerprint.ts';
import { acting, say } from './command-forms.ts';
import { integer } from './options.ts';
import { siteCareCommands } from './site-care-command.ts';
import { siteCommandNamed as command, type SiteOptions } from './site-forms.ts';
import { sitePlanCommands } from './site-plans-command.ts';
import { siteRecordCommands } from './site-records-command.ts';
import { siteRunCommands } from './site-run-command.ts';

export function siteCommand(): Command {
  const group = new Command('site').description("a hospital's agent: join, approve plans, take part");
  const [init, scan, doctor, stop] = siteCareCommands();
  const [start, page] = siteRunCommands();
  const commands = [init, enroll(), doctor, scan, ...sitePlanCommands(), start, page, status()];
  for (const sub of [...commands, ...siteRecordCommands(), stop]) group.addCommand(sub);
  return group;
}

type EnrollOptions = SiteOptions & JoinOptions;

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
        const { siteId, url, fingerprint } = await joinFederation(options.dir, code, options);
        say(`${siteId} has asked to join the federation at ${url}.`);
        say(`fingerprint  ${fingerprint}`);
        say("Read it to the consortium's administrator, who approves this site when it is the same there.");
      }),
    );
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
