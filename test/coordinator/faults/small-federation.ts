/** A coordinator as it is in production, in this process and on loopback, and three sites that train by a formula. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSiteAgent } from '../../../client/session/agent.ts';
import { createSocketLink } from '../../../client/transport/socket-link.ts';
import {
  initCoordinator,
  openCoordinatorFolder,
  type CoordinatorFolder,
} from '../../../coordinator/config.ts';
import type { CoordinatorReport } from '../../../coordinator/reports.ts';
import { startCoordinator, type RunningCoordinator } from '../../../coordinator/server.ts';
import { Administration } from '../../../coordinator/storage/administration.ts';
import { openDatabase, type Database } from '../../../coordinator/storage/database.ts';
import { RunStore } from '../../../coordinator/storage/run-store.ts';
import { systemClock, type Clock } from '../../../shared/clock.ts';
import { toHex } from '../../../shared/crypto/bytes.ts';
import { createIdentity, type Identity } from '../../../shared/crypto/identity.ts';
import { runIdSchema, type SiteId } from '../../../shared/ids.ts';
import { architectureSchema, buildModel } from '../../../shared/learning/architectures/architecture.ts';
import { manifestOf } from '../../../shared/learning/weights.ts';
import { hashPlan, type Plan } from '../../../shared/protocol/plan.ts';
import { freePort } from '../../free-port.ts';
import { formulaUpdate } from '../../simulations/virtual/mini-federation.ts';
import { planOf, sites } from '../fixtures.ts';

export const RUN = runIdSchema.parse('small');
const NAMES = sites('a', 'b', 'c');
/** Its updates are larger than what the journal keeps in the database. */
const architecture = architectureSchema.parse({ name: 'cnn', options: { filters: [4], dense: 16 } });
const IMAGE: [1, number, number] = [1, 16, 16];

export function smallPlan(rounds: number): Plan {
  return planOf(
    {
      ...{ rounds, minimumCohort: 3, minimumSurvivors: 3 },
      deadlinesMs: { selecting: 60_000, advertising: 60_000, training: 60_000 },
    },
    {
      task: { name: 'small', classNames: ['left', 'right'], imageDims: IMAGE },
      architecture,
      parameterCount: manifestOf(buildModel(architecture, IMAGE, 2)).length,
    },
  );
}

export class SmallFederation {
  readonly folder: CoordinatorFolder;
  readonly plan: Plan;
  readonly reports: CoordinatorReport[] = [];
  readonly #identities = new Map(NAMES.map((siteId) => [siteId, createIdentity()] as const));
  readonly #root: string | undefined;
  readonly #waiting = new Set<() => void>();
  #agents: ReturnType<typeof startSiteAgent>[] = [];
  #coordinator: RunningCoordinator | undefined;

  private constructor(folder: CoordinatorFolder, plan: Plan, root: string | undefined) {
    this.folder = folder;
    this.plan = plan;
    this.#root = root;
  }

  /** With a run in the queue, and nothing started. `path`: default a folder that goes at the end. */
  static async create(rounds: number, path?: string): Promise<SmallFederation> {
    const root = path === undefined ? mkdtempSync(join(tmpdir(), 'consilium-small-')) : undefined;
    const port = await freePort();
    const url = `http://127.0.0.1:${String(port)}`;
    const folder = initCoordinator(path ?? join(root ?? '', 'coordinator'), {
      ...{ host: '127.0.0.1', port, url, behindTlsProxy: false },
    });
    const federation = new SmallFederation(folder, smallPlan(rounds), root);
    await federation.#fill();
    return federation;
  }

  async #fill(): Promise<void> {
    const database = await openDatabase(this.folder.database);
    const now = new Date(systemClock.nowMs()).toISOString();
    const rows = [...this.#identities].map(([site_id, { publicKey }]) => ({
      ...{ site_id, public_key: toHex(publicKey), status: 'active' as const },
      ...{ enrolled_at: now, changed_at: now },
    }));
    await database.insertInto('sites').values(rows).execute();
    const administration = new Administration(database, systemClock, this.folder.identity);
    const planHash = await administration.addPlan('test', this.plan, hashPlan(this.plan));
    await administration.enqueue('test', { runId: RUN, planHash });
    await database.destroy();
  }

  async start(clock: Clock = systemClock): Promise<RunningCoordinator> {
    this.#coordinator = await startCoordinator(
      openCoordinatorFolder(this.folder.path),
      (report) => {
        this.reports.push(report);
        for (const look of [...this.#waiting]) look();
      },
      clock,
    );
    return this.#coordinator;
  }

  siteNamed(name: string): { readonly siteId: SiteId; readonly identity: Identity } {
    const [siteId] = sites(name);
    const identity = siteId && this.#identities.get(siteId);
    if (!identity) throw new Error(`there is no site ${name}`);
    return { siteId, identity };
  }

  async stop(): Promise<void> {
    await this.#coordinator?.close();
    this.#coordinator = undefined;
  }

  /** They come back by themselves when the coordinator does. */
  startSites(): void {
    const { config, federationId, identity } = this.folder;
    const roster = new Map([...this.#identities].map(([siteId, own]) => [siteId, own.publicKey]));
    this.#agents = [...this.#identities].map(([siteId, own]) =>
      startSiteAgent({
        ...{ siteId, identity: own, roster, coordinatorKey: identity.publicKey },
        policy: { approvedPlans: [hashPlan(this.plan)], minimumCohort: 3 },
        link: createSocketLink({
          ...{ url: config.url, federationId, siteId, identity: own },
          backoff: { firstMs: 20, longestMs: 100 },
        }),
        trainer: { train: ({ weights }) => Promise.resolve(formulaUpdate(siteId, weights)) },
      }),
    );
  }

  /** Resolves with the first report from number `from` on that matches. */
  told(matches: (report: CoordinatorReport) => boolean, from = 0): Promise<CoordinatorReport> {
    return new Promise((resolve) => {
      const look = (): void => {
        const found = this.reports.slice(from).find(matches);
        if (!found) return;
        this.#waiting.delete(look);
        resolve(found);
      };
      this.#waiting.add(look);
      look();
    });
  }

  async inDatabase<T>(body: (database: Database) => Promise<T>): Promise<T> {
    const database = await openDatabase(this.folder.database);
    try {
      return await body(database);
    } finally {
      await database.destroy();
    }
  }

  #inRuns<T>(body: (runs: RunStore) => Promise<T>): Promise<T> {
    return this.inDatabase((database) => body(new RunStore(database, systemClock)));
  }

  /** By round. */
  models(): Promise<readonly string[]> {
    return this.#inRuns(async (runs) => (await runs.models(RUN)).map(({ modelHash }) => modelHash));
  }

  status(): Promise<string | undefined> {
    return this.#inRuns(async (runs) => (await runs.run(RUN))?.status);
  }

  async remove(): Promise<void> {
    await Promise.all(this.#agents.map((agent) => agent.stop()));
    await this.stop();
    if (this.#root !== undefined) rmSync(this.#root, { recursive: true, force: true });
  }
}
