/** `consilium coordinator`: everything that a consortium's administrator does at the command line. */
import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import {
  coordinatorConfigSchema,
  DEFAULT_PORT,
  initCoordinator,
  openCoordinatorFolder,
} from '../../coordinator/config.ts';
import { createLogger, logReport } from '../../coordinator/log.ts';
import { bestOf, onnxOf } from '../../coordinator/models/published-model.ts';
import { readPlanFile } from '../../coordinator/plan-file.ts';
import { startCoordinator } from '../../coordinator/server.ts';
import { COMMAND_LINE } from '../../coordinator/storage/administration.ts';
import { openDatabase } from '../../coordinator/storage/database.ts';
import type { RunWish } from '../../coordinator/storage/run-store.ts';
import type { SiteRegistry } from '../../coordinator/storage/site-registry.ts';
import type { SiteStatus } from '../../coordinator/storage/tables.ts';
import type { Stores } from '../../coordinator/storage/stores.ts';
import { systemClock } from '../../shared/clock.ts';
import { fingerprintOf } from '../../shared/crypto/fingerprint.ts';
import { InputError } from '../../shared/errors.ts';
import { runIdSchema, siteIdSchema, type SiteId } from '../../shared/ids.ts';
import { programVersion } from '../../shared/program-version.ts';
import { writeInvitation } from '../../shared/protocol/enrolment.ts';
import { hashPlan } from '../../shared/protocol/plan.ts';
import { runInterruptible } from '../interruptible.ts';
import { acting, say } from './command-forms.ts';
import { describeReport } from './coordinator-log.ts';
import { coordinatorSubcommand as command, withStores, type Common } from './coordinator-stores.ts';
import { ledgerCommand } from './ledger-command.ts';
import { integer } from './options.ts';
import { printTable } from './text-table.ts';
import { userCommand } from './user-command.ts';

const HOUR_MS = 3_600_000;

export function coordinatorCommand(): Command {
  const group = new Command('coordinator').description(
    'run a federation: coordinator, sites, plans, runs, models, users',
  );
  for (const sub of [
    init(),
    start(),
    invite(),
    sites(),
    plan(),
    run(),
    model(),
    userCommand(),
    ledgerCommand(),
  ])
    group.addCommand(sub);
  return group;
}

interface InitOptions extends Common {
  readonly host: string;
  readonly port: number;
  readonly url?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly validation?: string;
  readonly behindTlsProxy?: boolean;
}

function init(): Command {
  return command('init', 'make a new federation: its key, database and configuration')
    .option('--host <address>', 'where to listen', '127.0.0.1')
    .option('--port <number>', 'where to listen', integer, DEFAULT_PORT)
    .option('--url <url>', 'how sites reach it (default: from host and port)')
    .option('--tls-cert <file>', 'certificate, PEM')
    .option('--tls-key <file>', 'its key, PEM')
    .option('--behind-tls-proxy', 'a proxy in front of it does TLS')
    .option('--validation <source>', 'images that global models are judged with: folder:…, table:…, npz:…')
    .action(
      acting(async (options: InitOptions) => {
        const { host, port, tlsCert, tlsKey, validation, behindTlsProxy = false } = options;
        if ((tlsCert === undefined) !== (tlsKey === undefined))
          throw new InputError('--tls-cert and --tls-key belong together');
        const tls =
          tlsCert !== undefined && tlsKey !== undefined ? { certificate: tlsCert, key: tlsKey } : undefined;
        const url = options.url ?? `${tls ? 'https' : 'http'}://${host}:${String(port)}`;
        const parsed = coordinatorConfigSchema.safeParse({
          ...{ host, port, url, behindTlsProxy },
          ...(tls && { tls }),
          ...(validation !== undefined && { validation }),
        });
        if (!parsed.success)
          throw new InputError(
            parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
          );
        const folder = initCoordinator(options.dir, parsed.data);
        await (await openDatabase(folder.database)).destroy();
        say(`A new federation is in ${options.dir}; keep a backup of the folder, its keys are nowhere else.`);
        say(`fingerprint  ${fingerprintOf(folder.identity.publicKey)}`);
        say(`next         consilium coordinator user add <name> --dir ${options.dir}`);
        say(`             consilium coordinator start --dir ${options.dir}`);
      }),
    );
}

function start(): Command {
  return command('start', 'serve sites and carry out the queue of runs, until Ctrl-C')
    .option('--json', 'log as JSON lines, with every request')
    .action(async (options: Common) => {
      await runInterruptible(async (signal) => {
        const folder = openCoordinatorFolder(options.dir);
        const logger = options.json ? createLogger(systemClock) : undefined;
        const coordinator = await startCoordinator(folder, (report) => {
          const line = logger ? undefined : describeReport(report);
          if (logger) logReport(logger, report);
          if (line !== undefined) say(line);
        });
        say(
          options.json
            ? JSON.stringify({ kind: 'listening', port: coordinator.port })
            : `listening on ${folder.config.host}:${String(coordinator.port)} as ${folder.config.url}; Ctrl-C ends it, and a run in progress goes on at the next start`,
        );
        const stopped = new Promise<void>((resolve) => {
          signal.addEventListener('abort', () => {
            resolve();
          });
        });
        try {
          await Promise.race([stopped, coordinator.finished]);
        } finally {
          await coordinator.close();
        }
      });
    });
}

function invite(): Command {
  return command('invite', 'invite a site: prints a text to hand over, which works once')
    .argument('<site>', 'name of the site: a–z, 0–9, hyphens')
    .option('--hours <count>', 'how long it works', integer, 72)
    .action(
      acting(async (name: string, options: Common & { hours: number }) => {
        const siteId = siteIdSchema.safeParse(name);
        if (!siteId.success)
          throw new InputError(`"${name}" is no name of a site: ${siteId.error.issues[0]?.message ?? ''}`);
        await withStores(options.dir, async ({ folder, administration }) => {
          const token = await administration.invite(COMMAND_LINE, siteId.data, options.hours * HOUR_MS);
          const fingerprint = fingerprintOf(folder.identity.publicKey);
          say(writeInvitation({ url: folder.config.url, siteId: siteId.data, fingerprint, token }));
        });
      }),
    );
}

function sites(): Command {
  const group = new Command('sites').description('who takes part');
  group.addCommand(
    command('list', 'all sites with the fingerprints of their keys')
      .option('--json', 'as JSON')
      .action(
        acting((options: Common) =>
          withStores(options.dir, async ({ sites }) => {
            const rows = (await sites.list()).map(({ siteId, status, fingerprint, enrolledAt }) => ({
              ...{ site: siteId, status, fingerprint, enrolled: enrolledAt },
            }));
            printTable(rows, options);
          }),
        ),
      ),
  );
  const changes: readonly (readonly [string, Exclude<SiteStatus, 'pending'>, string])[] = [
    ['approve', 'active', 'let a site in whose fingerprint you have compared with its administrator'],
    ['suspend', 'suspended', 'end a site’s connection, for now'],
    ['remove', 'removed', 'end a site’s membership: its key is refused from now on'],
  ];
  for (const [name, status, description] of changes)
    group.addCommand(
      command(name, description)
        .argument('<site>')
        .action(
          acting((name: string, options: Common) =>
            withStores(options.dir, async ({ administration }) => {
              const siteId = siteIdSchema.safeParse(name);
              if (!siteId.success) throw new InputError(`no site is called ${name}; see the list of sites`);
              await administration.setSiteStatus(COMMAND_LINE, siteId.data, status);
              say(`${name} is ${status}`);
            }),
          ),
        ),
    );
  return group;
}

function plan(): Command {
  const group = new Command('plan').description('what is trained, and how');
  group.addCommand(
    command('add', 'check a plan and keep it; prints its hash, which sites approve')
      .argument('<file>', 'YAML')
      .action(
        acting((file: string, options: Common) =>
          withStores(options.dir, async ({ administration, models }) => {
            const { plan, initialModel, notes } = readPlanFile(file);
            for (const note of notes) say(note);
            // First the model: whoever reads the plan finds it.
            if (initialModel) await models.put(initialModel);
            say(await administration.addPlan(COMMAND_LINE, plan, hashPlan(plan)));
          }),
        ),
      ),
  );
  group.addCommand(
    command('list', 'all plans')
      .option('--json', 'as JSON')
      .action(
        acting((options: Common) =>
          withStores(options.dir, async ({ runs }) => {
            const usable = (await runs.plans()).map(({ planHash, plan }) => ({
              ...{ plan: planHash, name: plan.task.name, note: '' },
            }));
            const foreign = (await runs.foreignPlans()).map(({ planHash, name }) => ({
              ...{ plan: planHash, name, note: 'of another version of the protocol: not offered to sites' },
            }));
            printTable([...usable, ...foreign], options);
          }),
        ),
      ),
  );
  return group;
}

function run(): Command {
  const group = new Command('run').description('the queue of runs');
  group.addCommand(
    command('add', 'put a run of a plan into the queue')
      .argument('<name>', 'name of the run')
      .requiredOption('--plan <hash>', 'the plan, or the beginning of its hash')
      .option('--sites <names…>', 'only these; runs that share no site may go on at once (default: all)')
      .action(
        acting((name: string, options: Common & { plan: string; sites?: string }) =>
          withStores(options.dir, async ({ runs, sites, administration }) => {
            const runId = runIdSchema.safeParse(name);
            if (!runId.success)
              throw new InputError(`"${name}" is no name of a run: ${runId.error.issues[0]?.message ?? ''}`);
            const { planHash } = await runs.plan(options.plan);
            const named = await namedSites(sites, options.sites);
            await administration.enqueue(COMMAND_LINE, { runId: runId.data, planHash, sites: named });
            say(`${name} is in the queue`);
          }),
        ),
      ),
  );
  group.addCommand(
    command('list', 'all runs')
      .option('--json', 'as JSON')
      .action(
        acting((options: Common) =>
          withStores(options.dir, async ({ runs }) => {
            const rows = (await runs.runs()).map(({ runId, status, planHash, addedAt, failure }) => ({
              ...{
                run: runId,
                status,
                plan: options.json ? planHash : planHash.slice(0, 12),
                added: addedAt,
              },
              failure: failure ?? '',
            }));
            printTable(rows, options);
          }),
        ),
      ),
  );
  const wishes: readonly (readonly [RunWish, string])[] = [
    ['pause', 'let a run wait after its round'],
    ['resume', 'let a paused run go on'],
    ['stop', 'end a run'],
  ];
  for (const [wish, description] of wishes)
    group.addCommand(
      command(wish, description)
        .argument('<run>')
        .action(
          acting((name: string, options: Common) =>
            withStores(options.dir, async ({ administration }) => {
              const runId = runIdSchema.safeParse(name);
              if (!runId.success) throw new InputError(`no run is called ${name}; see the list of runs`);
              await administration.wish(COMMAND_LINE, runId.data, wish);
              say(`${name}: ${wish} is noted`);
            }),
          ),
        ),
    );
  return group;
}

/** Of a list with commas. @throws InputError for a name that no site has */
async function namedSites(sites: SiteRegistry, list: string | undefined): Promise<SiteId[] | undefined> {
  if (list === undefined) return undefined;
  const named: SiteId[] = [];
  for (const name of list.split(',').map((part) => part.trim())) {
    const siteId = siteIdSchema.safeParse(name);
    const known = siteId.success ? await sites.find(siteId.data) : undefined;
    if (!known) throw new InputError(`no site is called "${name}"; see the list of sites`);
    named.push(known.siteId);
  }
  return named;
}

function model(): Command {
  const group = new Command('model').description('what runs have published');
  group.addCommand(
    command('list', 'the published models of a run')
      .argument('<run>')
      .option('--json', 'as JSON')
      .action(
        acting((runName: string, options: Common) =>
          withStores(options.dir, async ({ runs }) => {
            const known = (await runs.runs()).find(({ runId }) => runId === runName);
            if (!known) throw new InputError(`no run is called ${runName}; see the list of runs`);
            const rows = (await runs.models(known.runId)).map(({ round, score, modelHash }) => ({
              ...{ round, score: score ?? '', model: modelHash },
            }));
            printTable(rows, options);
          }),
        ),
      ),
  );
  group.addCommand(
    command('export', 'write a published model as an ONNX file')
      .argument('<run>')
      .argument('<file>')
      .option('--round <number>', 'which (default: the best, or the last where none was judged)', integer)
      .action(
        acting((runName: string, file: string, options: Common & { round?: number }) =>
          withStores(options.dir, (stores) => exportModel(stores, runName, file, options.round)),
        ),
      ),
  );
  return group;
}

async function exportModel(
  { runs, models }: Stores,
  runName: string,
  file: string,
  wanted?: number,
): Promise<void> {
  const known = (await runs.runs()).find(({ runId }) => runId === runName);
  if (!known) throw new InputError(`no run is called ${runName}; see the list of runs`);
  const published = await runs.models(known.runId);
  const chosen = wanted === undefined ? bestOf(published) : published.find(({ round }) => round === wanted);
  if (!chosen)
    throw new InputError(
      `run ${runName} has published no such model; see \`consilium coordinator model list\``,
    );
  const { plan } = await runs.plan(known.planHash);
  const publication = { runId: known.runId, plan, model: chosen };
  const bytes = await onnxOf(publication, models, programVersion());
  writeFileSync(file, bytes);
  say(`round ${String(chosen.round)} of ${runName}: ${file}`);
}
