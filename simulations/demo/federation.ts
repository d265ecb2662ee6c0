/** What the demo prepares by the program's own means: users, sites, plans and a run. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { stringify } from 'yaml';
import { joinFederation } from '../../client/agent/join.ts';
import { approvePlan, federationOf } from '../../client/agent/plan-decisions.ts';
import { COMMAND_LINE as SITE_COMMAND_LINE } from '../../client/agent/second-person.ts';
import { scanCohort, writeManifest } from '../../client/cohort/scan.ts';
import { openSiteFolder } from '../../client/config.ts';
import type { CoordinatorFolder } from '../../coordinator/config.ts';
import { Passwords } from '../../coordinator/people/password.ts';
import { readPlanFile } from '../../coordinator/plan-file.ts';
import { COMMAND_LINE } from '../../coordinator/storage/administration.ts';
import type { Stores } from '../../coordinator/storage/stores.ts';
import { userNameSchema } from '../../coordinator/storage/user-store.ts';
import { systemClock } from '../../shared/clock.ts';
import { fingerprintOf } from '../../shared/crypto/fingerprint.ts';
import { randomToken } from '../../shared/crypto/random.ts';
import { runIdSchema, siteIdSchema, type SiteId } from '../../shared/ids.ts';
import { writeInvitation } from '../../shared/protocol/enrolment.ts';
import { hashPlan, type Plan } from '../../shared/protocol/plan.ts';

export interface DemoUser {
  readonly name: string;
  readonly role: 'administrator' | 'auditor';
  readonly password: string;
}

/** One password for all: there is nothing to be kept from anybody. */
export async function addUsers({ administration }: Pick<Stores, 'administration'>): Promise<DemoUser[]> {
  const password = randomToken().slice(0, 16);
  const hashed = await new Passwords().hash(password);
  const users: DemoUser[] = [
    { name: 'demo-admin', role: 'administrator', password },
    { name: 'demo-auditor', role: 'auditor', password },
  ];
  for (const { name, role } of users)
    await administration.addUser(COMMAND_LINE, { name: userNameSchema.parse(name), role, password: hashed });
  return users;
}

/** What the demo trains. */
export interface DemoTraining {
  /** Side of the images in pixels. */
  readonly size: number;
  readonly network: object;
  readonly epochs: number;
  readonly rounds: number;
}

export const DEMO_TRAINING: Omit<DemoTraining, 'rounds'> = {
  size: 28,
  network: { name: 'cnn' },
  epochs: 1,
};

/** The phantoms of one more hospital are the coordinator's: no site trains on them. */
export const dataOf = (index: number, sites: number): string =>
  `phantoms:${String(index + 1)}/${String(sites + 1)}`;

/** As a researcher writes it: a file in the folder, and what the program makes of it. */
export function writePlan(folder: string, name: string, sites: number, training: DemoTraining): Plan {
  const { size, network, epochs, rounds } = training;
  const file = join(folder, `${name}.yaml`);
  const written = {
    task: { name, classNames: ['normal', 'nodule', 'effusion'], imageDims: [1, size, size] },
    preprocessing: { size: { height: size, width: size } },
    architecture: network,
    training: { epochs },
    federation: { strategy: 'fedavg', rounds, minimumCohort: sites, minimumSurvivors: Math.min(3, sites) },
    protection: { mode: 'secure-aggregation', smallCohortAcknowledged: sites < 5 },
    evaluation: { localValidationFraction: 0.1 },
    seed: 1,
  };
  writeFileSync(file, stringify(written));
  return readPlanFile(file).plan;
}

/** Invited by the coordinator, joined by the hospital, approved by the coordinator. */
export async function enrolSite(
  folder: CoordinatorFolder,
  { administration }: Pick<Stores, 'administration'>,
  site: { readonly siteId: SiteId; readonly path: string; readonly data: string; readonly sites: number },
): Promise<void> {
  const { siteId, path, data, sites } = site;
  const token = await administration.invite(COMMAND_LINE, siteId, 3_600_000);
  const fingerprint = fingerprintOf(folder.identity.publicKey);
  const invitation = writeInvitation({ url: folder.config.url, siteId, fingerprint, token });
  await joinFederation(path, invitation, { data, minimumCohort: sites, acknowledgeSmallCohort: sites < 5 });
  await administration.setSiteStatus(COMMAND_LINE, siteId, 'active');
}

/** Looks at the images of each hospital, one after the other, until the signal comes. */
export async function scanAll(
  sites: readonly { readonly path: string; readonly data: string }[],
  signal: AbortSignal,
): Promise<void> {
  const isStopped = (): boolean => signal.aborted;
  for (const { path, data } of sites) {
    if (isStopped()) return;
    const manifest = await scanCohort(data, { nowMs: systemClock.nowMs() });
    // The folder may be on its way out.
    if (!isStopped()) await writeManifest(path, manifest);
    // Between two of them a request to stop is heard.
    await setImmediate();
  }
}

/** Once all sites are in: a plan is approved together with the list of them. */
export async function approveAt(path: string, plan: Plan): Promise<void> {
  const folder = openSiteFolder(path);
  const { roster } = await federationOf(folder, systemClock);
  await approvePlan({ folder, clock: systemClock, plan, roster, person: SITE_COMMAND_LINE });
}

/** A plan that is being run, and one that waits for the hospitals' word. */
export async function addPlans(
  { administration }: Pick<Stores, 'administration'>,
  running: Plan,
  waiting: Plan,
): Promise<void> {
  for (const plan of [running, waiting]) await administration.addPlan(COMMAND_LINE, plan, hashPlan(plan));
}

export const addRun = ({ administration }: Pick<Stores, 'administration'>, plan: Plan): Promise<void> =>
  administration.enqueue(COMMAND_LINE, { runId: runIdSchema.parse('demo'), planHash: hashPlan(plan) });

const NAMES = ['north', 'south', 'west', 'east', 'hill', 'lake', 'river', 'coast', 'valley', 'harbour'];

/** At most ten. */
export const siteNames = (count: number): readonly SiteId[] =>
  NAMES.slice(0, count).map((name) => siteIdSchema.parse(name));
