/** A whole federation on this machine: a coordinator and its hospitals as processes of their own, with a run that goes on. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { readLinks } from '../../client/ui/page-server.ts';
import { initCoordinator } from '../../coordinator/config.ts';
import { openDatabase } from '../../coordinator/storage/database.ts';
import { storesOf } from '../../coordinator/storage/stores.ts';
import { systemClock } from '../../shared/clock.ts';
import { InputError, messageOf } from '../../shared/errors.ts';
import {
  addPlans,
  addRun,
  addUsers,
  approveAt,
  dataOf,
  DEMO_TRAINING,
  enrolSite,
  scanAll,
  siteNames,
  writePlan,
  type DemoTraining,
  type DemoUser,
} from './federation.ts';
import { Members } from './processes.ts';

export interface DemoOptions {
  /** Of the coordinator; 0: any that is free. */
  readonly port: number;
  /** 3…10. */
  readonly sites: number;
  readonly rounds: number;
  /** Where everything is left at the end; absent: in a folder that is removed. */
  readonly keep?: string | undefined;
  /** Ends the demo. */
  readonly signal: AbortSignal;
  /** Told what goes on, a line at a time. */
  readonly say: (line: string) => void;
  readonly training?: Omit<DemoTraining, 'rounds'>;
  /** Told once everything runs. */
  readonly ready?: (demo: DemoAddresses) => void;
}

export interface DemoAddresses {
  readonly folder: string;
  readonly consoleUrl: string;
  readonly users: readonly DemoUser[];
  readonly sites: readonly { readonly name: string; readonly pageUrl: string }[];
}

/** Resolves when everything has ended. @throws InputError when the port is taken, the folder is in use, or a process does not start */
export async function runDemo(options: DemoOptions): Promise<void> {
  const port = await freePort(options.port);
  const { folder, remove } = demoFolder(options.keep);
  const members = new Members(systemClock, (name, line) => {
    if (isWorthALine(line)) options.say(`${name.padEnd(12)} ${line}`);
  });
  try {
    const demo = await startAll(folder, port, members, options);
    showAddresses(demo, options);
    options.ready?.(demo);
    const scanned = scanAll(demo.hospitals, options.signal);
    await Promise.race([abortOf(options.signal), demo.ended]);
    await scanned;
  } catch (error) {
    // Whoever stops it in the middle of its preparation wants to hear of nothing that did not start.
    if (!options.signal.aborted) throw error;
  } finally {
    options.say('stopping…');
    await members.stop();
    remove();
    options.say(
      options.keep === undefined ? 'stopped; nothing is left behind' : `stopped; everything is in ${folder}`,
    );
  }
}

/** The agents' links are shown together; of a round what it came to is enough. */
const NOT_SHOWN =
  /^(page |\s|listening on )|: (selecting|advertising|sharingKeys|training|consistency|unmasking|aggregating|evaluating|published) \(|: (takes part|training|over)$/;
const isWorthALine = (line: string): boolean => !NOT_SHOWN.test(line);

async function freePort(wanted: number): Promise<number> {
  const server = createServer();
  try {
    await new Promise<void>((done, fail) => {
      server.once('error', fail);
      server.listen(wanted, '127.0.0.1', done);
    });
  } catch (cause) {
    throw new InputError(
      `port ${String(wanted)} of this machine cannot be had (${messageOf(cause)}): give another with --port, or --port 0 for any that is free`,
      { cause },
    );
  }
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === 'object' && address !== null ? address.port : wanted;
}

function demoFolder(keep: string | undefined): { readonly folder: string; readonly remove: () => void } {
  if (keep === undefined) {
    const folder = mkdtempSync(join(tmpdir(), 'consilium-demo-'));
    return {
      folder,
      remove: () => {
        rmSync(folder, { recursive: true, force: true });
      },
    };
  }
  const folder = resolve(keep);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (readdirSync(folder).length > 0)
    throw new InputError(`--keep: ${folder} is not empty; give a new folder`);
  return { folder, remove: () => undefined };
}

interface StartedDemo extends DemoAddresses {
  readonly hospitals: readonly { readonly path: string; readonly data: string }[];
  /** Resolves when the coordinator has ended; a site's agent may be stopped on its page. */
  readonly ended: Promise<void>;
}

async function startAll(
  folder: string,
  port: number,
  members: Members,
  { sites, rounds, say, signal, training = DEMO_TRAINING }: DemoOptions,
): Promise<StartedDemo> {
  const url = `http://127.0.0.1:${String(port)}`;
  const coordinatorPath = join(folder, 'coordinator');
  const config = { host: '127.0.0.1', port, url, behindTlsProxy: false, validation: dataOf(sites, sites) };
  const coordinatorFolder = initCoordinator(coordinatorPath, config);
  const database = await openDatabase(coordinatorFolder.database);
  const stores = storesOf(database, coordinatorFolder, systemClock);
  try {
    say(`preparing a coordinator, its users and two plans in ${folder} …`);
    const users = await addUsers(stores);
    const plan = writePlan(folder, 'phantoms', sites, { ...training, rounds });
    const later = writePlan(folder, 'phantoms-longer', sites, {
      ...{ ...training, rounds: 2 * rounds, epochs: training.epochs + 1 },
    });
    await addPlans(stores, plan, later);
    signal.throwIfAborted();
    const coordinator = members.start('coordinator', ['coordinator', 'start', '--dir', coordinatorPath]);
    await coordinator.begins('listening on');
    const hospitals = siteNames(sites).map((siteId, index) => ({
      ...{ siteId, path: join(folder, siteId), data: dataOf(index, sites), sites },
    }));
    for (const site of hospitals) {
      say(`${site.siteId} joins with generated images…`);
      await enrolSite(coordinatorFolder, stores, site);
      signal.throwIfAborted();
    }
    for (const { path } of hospitals) await approveAt(path, plan);
    await addRun(stores, plan);
    signal.throwIfAborted();
    const agents = hospitals.map(({ siteId, path }) =>
      members.start(siteId, ['site', 'start', '--dir', path]),
    );
    await Promise.all(agents.map((agent) => agent.begins('page')));
    for (const { name, ended } of [coordinator, ...agents])
      void ended.then(() => {
        say(`${name.padEnd(12)} has ended`);
      });
    return {
      ...{ folder, users, hospitals, consoleUrl: url },
      sites: hospitals.map(({ siteId, path }) => ({ name: siteId, pageUrl: readLinks(path)[0]?.url ?? '' })),
      ended: coordinator.ended,
    };
  } finally {
    await database.destroy();
  }
}

function showAddresses(
  { folder, consoleUrl, users, sites }: DemoAddresses,
  { say, keep }: DemoOptions,
): void {
  say('');
  say(`console      ${consoleUrl}`);
  for (const { name, role, password } of users) say(`             ${name} (${role}), password ${password}`);
  for (const { name, pageUrl } of sites) say(`${`site ${name}`.padEnd(12)} ${pageUrl}`);
  say('');
  say(
    'The images are generated. Plan "phantoms" is being run; "phantoms-longer" waits for the sites\' word.',
  );
  say(
    keep === undefined
      ? 'Ctrl-C ends all of it and leaves nothing behind.'
      : `Ctrl-C ends all of it; ${folder} stays.`,
  );
  say('');
}

const abortOf = (signal: AbortSignal): Promise<void> =>
  new Promise((done) => {
    signal.addEventListener('abort', () => {
      done();
    });
  });
