/** A federation of processes on loopback: a coordinator and five agents, with phantoms for images. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSiteFolder, siteIdentity, writeRoster, writeSite } from '../../../client/config.ts';
import { readLedger } from '../../../client/ledger/ledger-file.ts';
import { sitePolicySchema } from '../../../client/session/policy.ts';
import { initCoordinator, type CoordinatorFolder } from '../../../coordinator/config.ts';
import { readPlanFile } from '../../../coordinator/plan-file.ts';
import { openDatabase, type Database } from '../../../coordinator/storage/database.ts';
import { ModelStore } from '../../../coordinator/storage/model-store.ts';
import { RunStore, type PublishedModel, type RunWish } from '../../../coordinator/storage/run-store.ts';
import { SiteRegistry } from '../../../coordinator/storage/site-registry.ts';
import { AuditLog } from '../../../coordinator/storage/audit-log.ts';
import type { AttemptView } from '../../../coordinator/storage/attempt-view.ts';
import { systemClock } from '../../../shared/clock.ts';
import { toHex } from '../../../shared/crypto/bytes.ts';
import { signStatement } from '../../../shared/crypto/statement.ts';
import { makePhantoms } from '../../../shared/data/phantoms.ts';
import { runIdSchema, siteIdSchema, type ModelHash } from '../../../shared/ids.ts';
import { enrolStatement } from '../../../shared/protocol/enrolment.ts';
import { hashPlan, type Plan } from '../../../shared/protocol/plan.ts';
import { signRoster } from '../../../shared/protocol/roster.ts';
import {
  coordinatorAnchorsIn,
  coordinatorLedgerFault,
  siteAnchorsIn,
  siteLedgerFault,
} from '../../../simulations/cli/ledger-anchors.ts';
import { freePort } from '../../free-port.ts';
import { Program, type LogLine } from './program.ts';

export const NAMES = ['aachen', 'bergen', 'coimbra', 'delft', 'evora'] as const;
export type Name = (typeof NAMES)[number];
export const RUN = runIdSchema.parse('first');

/** The images of the site with this number. */
export const sourceOf = (index: number): string => `phantoms:${String(index + 1)}/${String(NAMES.length)}`;

/** For `startCoordinator`: a connection that is lost may take long to come back. */
export const PATIENT = { stretch: '30000', to: '600000' };

export interface FederationPlan {
  readonly rounds: number;
  /** Of the network's dense layer: how large the model is. */
  readonly dense?: number;
  readonly epochs?: number;
  readonly minimumCohort?: number;
}

const planText = ({ rounds, dense = 4, epochs = 1, minimumCohort = 3 }: FederationPlan): string => {
  const { classNames } = makePhantoms({ seed: 0, sites: NAMES.length, size: 16 });
  return `task: { name: phantoms, classNames: [${classNames.join(', ')}], imageDims: [1, 16, 16] }
preprocessing: { size: { height: 16, width: 16 } }
architecture: { name: cnn, options: { filters: [2], dense: ${String(dense)} } }
training: { epochs: ${String(epochs)} }
federation: { strategy: fedavg, rounds: ${String(rounds)}, minimumCohort: ${String(minimumCohort)}, minimumSurvivors: ${String(minimumCohort)}, deadlinesMs: { selecting: 600000, advertising: 600000, training: 600000 } }
protection: { mode: secure-aggregation, smallCohortAcknowledged: true }
evaluation: {}
seed: 5
`;
};

export class Federation {
  readonly folder: CoordinatorFolder;
  readonly root: string;
  readonly plan: Plan;
  readonly #agents = new Map<Name, Program>();
  #coordinator: Program | undefined;

  private constructor(root: string, folder: CoordinatorFolder, plan: Plan) {
    this.root = root;
    this.folder = folder;
    this.plan = plan;
  }

  /** Five enrolled sites that have approved the plan. No process runs yet, and no run is in the queue. */
  static async create(options: FederationPlan): Promise<Federation> {
    const root = mkdtempSync(join(tmpdir(), 'consilium-recovery-'));
    const port = await freePort();
    const config = {
      host: '127.0.0.1',
      port,
      url: `http://127.0.0.1:${String(port)}`,
      behindTlsProxy: false,
    };
    const file = join(root, 'plan.yaml');
    writeFileSync(file, planText(options));
    const { plan } = readPlanFile(file);
    const federation = new Federation(root, initCoordinator(join(root, 'coordinator'), config), plan);
    await federation.#enrol();
    return federation;
  }

  /** The sites themselves, without the commands that other tests are about. */
  async #enrol(): Promise<void> {
    const { config, federationId, identity } = this.folder;
    await this.#withStores(async ({ runs, registry }) => {
      await runs.addPlan(this.plan);
      for (const [index, name] of NAMES.entries()) {
        const siteId = siteIdSchema.parse(name);
        const own = siteIdentity(this.pathOf(name));
        const token = await registry.invite(siteId, 60_000);
        const publicKey = toHex(own.publicKey);
        const { purpose, fields } = enrolStatement({ siteId, token, publicKey });
        const signature = signStatement(own, purpose, fields);
        await registry.enrol({ siteId, token, publicKey, signature });
        await registry.setStatus(siteId, 'active');
        await writeSite(
          this.pathOf(name),
          {
            siteId,
            coordinator: { url: config.url, federationId, key: toHex(identity.publicKey) },
            data: sourceOf(index),
            engine: 'onnx',
          },
          sitePolicySchema.parse({
            approvedPlans: [hashPlan(this.plan)],
            minimumCohort: 3,
            smallCohortAcknowledged: true,
          }),
        );
      }
      const active = (await registry.list()).map(({ siteId, publicKey }) => [siteId, publicKey] as const);
      const roster = signRoster(identity, new Map(active));
      for (const name of NAMES) await writeRoster(openSiteFolder(this.pathOf(name)), roster);
    });
  }

  pathOf(name: Name): string {
    return join(this.root, name);
  }

  get coordinator(): Program {
    if (!this.#coordinator) throw new Error('no coordinator was started');
    return this.#coordinator;
  }

  agent(name: Name): Program {
    const agent = this.#agents.get(name);
    if (!agent) throw new Error(`no agent of ${name} was started`);
    return agent;
  }

  /** Resolves when it listens. */
  async startCoordinator(killSwitch?: Readonly<Record<string, string>>): Promise<Program> {
    this.#coordinator = new Program(['coordinator', 'start', '--dir', this.folder.path], killSwitch);
    await this.#coordinator.said(({ kind }) => kind === 'listening', 'listening');
    return this.#coordinator;
  }

  startAgent(name: Name, killSwitch?: Readonly<Record<string, string>>): Program {
    const agent = new Program(['site', 'start', '--dir', this.pathOf(name)], killSwitch);
    this.#agents.set(name, agent);
    return agent;
  }

  /** All five, connected. */
  async startAgents(): Promise<void> {
    for (const name of NAMES) this.startAgent(name);
    for (const name of NAMES) await this.connected(name);
  }

  async connected(name: Name): Promise<void> {
    await this.agent(name).said(isConnected, `${name} being connected`);
  }

  async enqueue(): Promise<void> {
    await this.#withStores(({ runs }) => runs.enqueue(RUN, hashPlan(this.plan)));
  }

  wish(wish: RunWish): Promise<void> {
    return this.#withStores(({ runs }) => runs.wish(RUN, wish));
  }

  models(): Promise<readonly PublishedModel[]> {
    return this.#withStores(({ runs }) => runs.models(RUN));
  }

  attempts(): Promise<readonly AttemptView[]> {
    return this.#withStores(({ runs }) => runs.attempts(RUN));
  }

  /**
   * The names of the models of all rounds so far, in order; each was published with all sites in its first attempt.
   * @throws StorageError when a file is not what its name says
   */
  async publishedBy(sites: number): Promise<readonly ModelHash[]> {
    const store = new ModelStore(this.folder.models);
    for (const { modelHash } of await this.models()) await store.get(modelHash);
    return (await this.attempts()).map((attempt) => {
      const isAsPlanned =
        attempt.outcome === 'published' && attempt.attempt === 1 && attempt.survivors.length === sites;
      if (!isAsPlanned) throw new Error(`an attempt went another way: ${JSON.stringify(attempt)}`);
      return attempt.modelHash;
    });
  }

  /**
   * In how many rounds each site and the coordinator have told each other where their ledgers stood.
   * @throws Error when a ledger is not what the other was told of
   */
  async anchors(): Promise<ReadonlyMap<string, readonly [told: number, heard: number]>> {
    const { identity } = this.folder;
    const audit = await this.#withStores(({ database }) =>
      new AuditLog(systemClock, identity).entries(database, 0, 10_000),
    );
    const told = siteAnchorsIn(audit);
    const counts = new Map<string, readonly [number, number]>();
    for (const name of NAMES) {
      const siteId = siteIdSchema.parse(name);
      const own = told.get(siteId) ?? [];
      const site = openSiteFolder(this.pathOf(name));
      const reading = await readLedger(site.path, site.identity.publicKey);
      const heard = coordinatorAnchorsIn(reading.entries);
      const fault =
        siteLedgerFault(siteId, reading, own) ?? coordinatorLedgerFault(audit, identity.publicKey, heard);
      if (fault !== undefined) throw new Error(`${name}: ${fault}`);
      counts.set(name, [own.length, heard.length]);
    }
    return counts;
  }

  /** Everything ends, and nothing is left of it. */
  async remove(): Promise<void> {
    const programs = [...this.#agents.values(), ...(this.#coordinator ? [this.#coordinator] : [])];
    await Promise.all(programs.map((program) => program.kill('SIGKILL')));
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }

  async #withStores<T>(
    body: (stores: { database: Database; registry: SiteRegistry; runs: RunStore }) => Promise<T>,
  ): Promise<T> {
    const database = await openDatabase(this.folder.database);
    try {
      return await body({
        database,
        registry: new SiteRegistry(database, systemClock),
        runs: new RunStore(database, systemClock),
      });
    } finally {
      await database.destroy();
    }
  }
}

export const isConnected = ({ kind, event }: LogLine): boolean => kind === 'link' && event === 'connected';

export const isPublished =
  (round: number) =>
  (line: LogLine): boolean =>
    line['kind'] === 'attempt' && line['outcome'] === 'published' && line['round'] === round;
