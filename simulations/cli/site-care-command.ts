/** `consilium site init | scan | doctor | stop`: what a site needs around its rounds. */
import type { Command } from 'commander';
import { examineSite, type Finding } from '../../client/agent/site-doctor.ts';
import { lockOf } from '../../client/agent/site.ts';
import { stopAgent } from '../../client/agent/stop.ts';
import type { CohortManifest } from '../../client/cohort/scan.ts';
import { scanSite } from '../../client/cohort/scan-cache.ts';
import { initSite, readDraft } from '../../client/config.ts';
import { sitePolicySchema } from '../../client/session/policy.ts';
import { systemClock } from '../../shared/clock.ts';
import { sourceFrom } from '../../shared/data/open-local.ts';
import { InputError, StorageError } from '../../shared/errors.ts';
import { diagnose } from '../../shared/learning/engines/doctor.ts';
import { alignedRows } from '../report/text-table.ts';
import { acting, say } from './command-forms.ts';
import { integer } from './options.ts';
import { progressLine } from './progress-line.ts';
import { siteCommandNamed as command, type SiteOptions } from './site-forms.ts';

/** init, scan, doctor, stop. */
export const siteCareCommands = (): readonly [Command, Command, Command, Command] => [
  init(),
  scan(),
  doctor(),
  stop(),
];

interface InitOptions extends SiteOptions {
  readonly data?: string;
  readonly minimumCohort: number;
}

function init(): Command {
  return command('init', 'write a configuration and a policy to look at; nothing is overwritten')
    .option('--data <source>', 'images with labels on this machine: folder:…, table:…, npz:…')
    .option('--minimum-cohort <count>', 'take no part in a smaller round', integer, 5)
    .action(
      acting(async ({ dir, data, minimumCohort }: InitOptions) => {
        const policy = sitePolicySchema.parse({ approvedPlans: [], minimumCohort });
        const files = await initSite(dir, { ...(data !== undefined && { data }), engine: 'onnx' }, policy);
        for (const file of files) say(`wrote ${file}`);
        say('Look at both, then `consilium site enroll <invitation>`.');
      }),
    );
}

interface ScanCommandOptions extends SiteOptions {
  readonly fresh?: true;
}

function scan(): Command {
  return command('scan', 'look at the images: classes, patients, rejected files; nothing leaves this machine')
    .option('--json', 'the whole manifest, as JSON')
    .option('--fresh', 'look at every file again, also at those that have not changed since the last scan')
    .action(
      acting(async ({ dir, json, fresh }: ScanCommandOptions) => {
        const data = readDraft(dir)?.data;
        if (data === undefined)
          throw new InputError(`${dir}/site.yaml names no data; \`consilium site init --data …\` writes one`);
        const line = progressLine();
        const { manifest, file, reused } = await scanSite(dir, sourceFrom(dir, data), {
          nowMs: systemClock.nowMs(),
          isFresh: fresh === true,
          onProgress: (progress) => {
            line.show(progress);
          },
        }).finally(() => {
          line.end();
        });
        if (reused > 0)
          line.say(
            `${String(reused)} of ${String(manifest.files.length)} files have not changed since the last scan`,
          );
        say(
          json
            ? JSON.stringify(manifest, undefined, 2)
            : [...manifestLines(manifest), `wrote ${file}`].join('\n'),
        );
      }),
    );
}

const MOST_LINES = 20;

function manifestLines(manifest: CohortManifest): readonly string[] {
  const { imageCount, patientCount, classes, rejected, digest, source, synthetic } = manifest;
  const share = (images: number): string => `${((100 * images) / Math.max(1, imageCount)).toFixed(1)} %`;
  const rows = classes.map(({ name, images, patients }) => [
    ...[name, String(images), share(images), String(patients)],
  ]);
  const more = rejected.length - MOST_LINES;
  return [
    `${source}${synthetic ? ' (generated images)' : ''}`,
    `${String(imageCount)} images of ${String(patientCount)} patients; ${String(rejected.length)} files are not used`,
    ...alignedRows([['class', 'images', 'share', 'patients'], ...rows]),
    ...rejected.slice(0, MOST_LINES).map(({ file, reason }) => `not used: ${file}: ${reason}`),
    ...(more > 0 ? [`… and ${String(more)} more, in the manifest`] : []),
    `digest ${digest}`,
  ];
}

function doctor(): Command {
  return command('doctor', 'say whether this site can take part, and what to do where it cannot')
    .option('--json', 'as JSON')
    .action(
      acting(async ({ dir, json }: SiteOptions) => {
        const findings = await examineSite({ path: dir, clock: systemClock, diagnose: () => diagnose() });
        say(json ? JSON.stringify(findings, undefined, 2) : findingLines(findings).join('\n'));
        if (findings.some(({ state }) => state === 'problem')) process.exitCode = 1;
      }),
    );
}

function findingLines(findings: readonly Finding[]): readonly string[] {
  const rows = alignedRows(findings.map(({ check, state, detail }) => [state, check, detail]));
  return findings.flatMap(({ help }, i) => [
    rows[i] ?? '',
    ...(help === undefined ? [] : [`         → ${help}`]),
  ]);
}

interface StopOptions extends SiteOptions {
  readonly timeout: number;
}

function stop(): Command {
  return command(
    'stop',
    'end the running agent: it finishes its training step first, and stays ended until somebody starts it (under systemd: `systemctl stop` and `start`, which do the same)',
  )
    .option('--timeout <seconds>', 'wait no longer', integer, 60)
    .action(
      acting(async ({ dir, timeout }: StopOptions) => {
        const outcome = await stopAgent(lockOf({ path: dir }), timeout * 1000);
        if (outcome === 'still-running')
          throw new StorageError(
            `the agent of ${dir} has been told, but did not end within ${String(timeout)} s; give it more time, or end its process`,
          );
        say(outcome === 'stopped' ? 'stopped' : 'no agent is running');
      }),
    );
}
