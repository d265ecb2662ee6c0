/** Whether a site can take part: each thing that has to be right, and what to do where it is not. */
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../shared/clock.ts';
import { sourceFrom } from '../../shared/data/open-local.ts';
import { messageOf } from '../../shared/errors.ts';
import type { Diagnosis } from '../../shared/learning/engines/doctor.ts';
import { isOpenToOthers, keyFileOf, openSiteFolder, type SiteFolder } from '../config.ts';
import { readManifest, scanCohort } from '../cohort/scan.ts';
import { readLedger } from '../ledger/ledger-file.ts';
import { askFederation, askHealth, type HealthAnswer } from '../transport/coordinator-api.ts';
import { proxyFor } from '../transport/proxy.ts';
import { authorityOf } from './site.ts';
import { readTerms } from './terms.ts';

export interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'warning' | 'problem';
  /** What was found. */
  readonly detail: string;
  /** What to do. */
  readonly help?: string;
}

export interface SiteDoctorOptions {
  readonly path: string;
  readonly clock: Pick<Clock, 'nowMs'>;
  /** Which engines work here. */
  readonly diagnose: () => Promise<Pick<Diagnosis, 'engines'>>;
}

/** The coordinator refuses a question that is older than five minutes. */
const CLOCK_PROBLEM_MS = 4 * 60_000;
const CLOCK_WARNING_MS = 30_000;
const LEAST_FREE_BYTES = 1e9;
const DAY_MS = 86_400_000;
const CERTIFICATE_WARNING_DAYS = 21;

export async function examineSite(options: SiteDoctorOptions): Promise<readonly Finding[]> {
  const { path, clock } = options;
  let folder: SiteFolder;
  try {
    folder = openSiteFolder(path);
  } catch (error) {
    return [problem('configuration', messageOf(error))];
  }
  return [
    ok('configuration', `${folder.config.siteId} in ${path}`),
    keyFinding(folder),
    await guarded('policy and roster', 'correct the file; until then the site takes part in no round', () =>
      termsFinding(folder),
    ),
    await guarded('ledger', undefined, () => ledgerFinding(folder)),
    await guarded('disk', undefined, () => diskFinding(folder)),
    await guarded('images', 'put it right in site.yaml, then `consilium site scan`', () =>
      dataFinding(folder, clock),
    ),
    await engineFinding(folder, options),
    ...(await coordinatorFindings(folder, clock)),
  ];
}

const ok = (check: string, detail: string): Finding => ({ check, state: 'ok', detail });
const warning = (check: string, detail: string, help: string): Finding => ({
  ...{ check, state: 'warning', detail, help },
});
const problem = (check: string, detail: string, help?: string): Finding => ({
  ...{ check, state: 'problem', detail },
  ...(help !== undefined && { help }),
});

async function guarded(
  check: string,
  help: string | undefined,
  look: () => Promise<Finding> | Finding,
): Promise<Finding> {
  try {
    return await look();
  } catch (error) {
    return problem(check, messageOf(error), help);
  }
}

function keyFinding(folder: SiteFolder): Finding {
  const file = keyFileOf(folder);
  return isOpenToOthers(file, 0o077)
    ? problem(
        'key file',
        `${file} can be read by other accounts`,
        `\`chmod 600 ${file}\`; when somebody may have copied it, join under a new name`,
      )
    : ok('key file', 'for this account only');
}

function termsFinding(folder: SiteFolder): Finding {
  const { policy, roster } = readTerms(folder);
  const count = policy.approvedPlans.length;
  if (count === 0 || !roster)
    return warning(
      'policy and roster',
      'no plan is approved here',
      '`consilium site plans`, then `consilium site approve <plan>`',
    );
  return ok('policy and roster', `${String(count)} plan(s) approved, ${String(roster.size)} sites accepted`);
}

async function ledgerFinding({ path, identity }: SiteFolder): Promise<Finding> {
  const { entries, fault } = await readLedger(path, identity.publicKey);
  if (!fault) return ok('ledger', `${String(entries.length)} entries`);
  return problem(
    'ledger',
    `line ${String(fault.line)} ${fault.what}`,
    'restore it from a backup, or keep it as evidence and move it away',
  );
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

async function diskFinding({ path }: SiteFolder): Promise<Finding> {
  const { bavail, bsize } = await statfs(path);
  const free = bavail * bsize;
  return free < LEAST_FREE_BYTES
    ? problem('disk', `${gigabytes(free)} free`, `make room: at least ${gigabytes(LEAST_FREE_BYTES)}`)
    : ok('disk', `${gigabytes(free)} free`);
}

/** Read now, and not only looked at: a disk that is not mounted shows. */
async function dataFinding({ path, config }: SiteFolder, clock: Pick<Clock, 'nowMs'>): Promise<Finding> {
  if (config.data === undefined)
    return problem('images', 'site.yaml names none', `write data: folder:/… into ${join(path, 'site.yaml')}`);
  const found = await scanCohort(sourceFrom(path, config.data), { nowMs: clock.nowMs() });
  const { imageCount, patientCount, rejected, digest } = found;
  const detail = `${String(imageCount)} images of ${String(patientCount)} patients, ${String(rejected.length)} rejected`;
  const last = await readManifest(path);
  return last && last.digest !== digest
    ? warning(
        'images',
        `${detail}; they are others than at the last scan`,
        '`consilium site scan` records them',
      )
    : ok('images', detail);
}

async function engineFinding({ config }: SiteFolder, { diagnose }: SiteDoctorOptions): Promise<Finding> {
  const { engines } = await diagnose();
  const working = engines.filter(({ available }) => available).map(({ name }) => name);
  const names = working.join(', ') || 'none';
  const isThere =
    config.engine === 'auto' ? working.length > 0 : working.some((name) => name === config.engine);
  return isThere
    ? ok('engine', `${config.engine} (working here: ${names})`)
    : problem(
        'engine',
        `${config.engine} does not work here (working: ${names})`,
        'set another engine in site.yaml; `consilium doctor` says what would make it work',
      );
}

async function coordinatorFindings(
  folder: SiteFolder,
  clock: Pick<Clock, 'nowMs'>,
): Promise<readonly Finding[]> {
  const { url } = folder.config.coordinator;
  let health: HealthAnswer;
  let way: string;
  let reach;
  try {
    const route = proxyFor(url);
    way = route ? `through the proxy ${route.name}` : 'directly';
    reach = { url, ca: authorityOf(folder) };
    health = await askHealth(reach);
  } catch (error) {
    return [problem('coordinator', `${url}: ${messageOf(error)}`, reachHelp(error))];
  }
  if (health.status !== 200)
    return [
      problem(
        'coordinator',
        `${url} answered ${String(health.status)}`,
        'ask its administrator what is there',
      ),
    ];
  return [
    ok('coordinator', `${url} answers ${way}`),
    clockFinding(health, clock),
    certificateFinding(health, clock),
    await guarded('membership', "ask the coordinator's administrator to approve this site", async () => {
      const { plans } = await askFederation(reach, folder.config, folder.identity, clock);
      return ok('membership', `approved; ${String(plans.length)} plan(s) to look at`);
    }),
  ];
}

/** By the codes of OpenSSL and of the system's resolver. */
function reachHelp(error: unknown): string {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return "its certificate has expired: its administrator renews it; or this machine's clock is wrong";
    case 'CERT_NOT_YET_VALID':
      return "this machine's clock is wrong";
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return "give the authority's PEM file as coordinator.authority in site.yaml; a proxy that opens TLS must let this host pass";
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return 'the certificate is of another host: is the address in site.yaml right?';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the name is not known here: is the address right, is there a proxy to name in HTTPS_PROXY?';
    default:
      return 'is the coordinator running, and does the firewall let this machine out to it?';
  }
}

function clockFinding({ nowMs }: HealthAnswer, clock: Pick<Clock, 'nowMs'>): Finding {
  if (nowMs === undefined) return warning('clock', 'the coordinator says no time', 'compare by hand');
  const aheadMs = clock.nowMs() - nowMs;
  const seconds = Math.round(Math.abs(aheadMs) / 1000);
  const detail = `${String(seconds)} s ${aheadMs < 0 ? 'behind' : 'ahead of'} the coordinator's`;
  const help = 'set this machine by a time service (NTP)';
  if (Math.abs(aheadMs) >= CLOCK_PROBLEM_MS) return problem('clock', detail, help);
  return Math.abs(aheadMs) >= CLOCK_WARNING_MS ? warning('clock', detail, help) : ok('clock', detail);
}

function certificateFinding({ certificateEndsMs }: HealthAnswer, clock: Pick<Clock, 'nowMs'>): Finding {
  if (certificateEndsMs === undefined)
    return warning('certificate', 'plain HTTP', 'right on one machine for trying out, and nowhere else');
  const days = Math.floor((certificateEndsMs - clock.nowMs()) / DAY_MS);
  const detail = `valid for ${String(days)} more days`;
  return days < CERTIFICATE_WARNING_DAYS
    ? warning('certificate', detail, "tell the coordinator's administrator to renew it")
    : ok('certificate', detail);
}
