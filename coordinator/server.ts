/** A running coordinator: HTTP and the sites' connections on one port, and the queue of runs. */
import { systemClock, type Clock } from '../shared/clock.ts';
import { messageOf } from '../shared/errors.ts';
import type { SiteId } from '../shared/ids.ts';
import { sourceFrom } from '../shared/data/open-local.ts';
import { bundlePage } from '../shared/page-bundle.ts';
import { readSecrets, type CoordinatorFolder, type Secrets } from './config.ts';
import { openEvaluator } from './evaluation/evaluator.ts';
import type { ApiServices } from './http/api/services.ts';
import { createApp } from './http/app.ts';
import { createListener, listen, portOf } from './http/listener.ts';
import { CoordinatorMetrics } from './metrics.ts';
import { LoginAttempts } from './people/login-attempts.ts';
import { createLogins, type LoginOutcome } from './people/logins.ts';
import { Passwords } from './people/password.ts';
import type { CoordinatorReport } from './reports.ts';
import { RunQueue } from './run/queue.ts';
import { RoundWatch } from './run/round-watch.ts';
import { openDatabase } from './storage/database.ts';
import type { RunStore } from './storage/run-store.ts';
import type { SiteRegistry } from './storage/site-registry.ts';
import { storesOf, type Stores } from './storage/stores.ts';
import { RUN_STATUSES } from './storage/tables.ts';
import { createSocketGateway } from './transport/socket-gateway.ts';
import { startLive } from './transport/start-live.ts';

export interface RunningCoordinator {
  readonly port: number;
  /** Rejects when the coordinator cannot go on. */
  readonly finished: Promise<void>;
  /** Ends connections and the queue; a run in progress goes on at the next start. */
  close(): Promise<void>;
}

/** Who may connect is read again so often. */
const REGISTRY_POLL_MS = 1000;

/** @throws InputError, PortError or StorageError when configuration, certificate, port or database cannot be used */
export async function startCoordinator(
  folder: CoordinatorFolder,
  tell: (report: CoordinatorReport) => void,
  clock: Clock = systemClock,
  secrets: Secrets = readSecrets(),
): Promise<RunningCoordinator> {
  const { validation } = folder.config;
  const database = await openDatabase(folder.database);
  const stores = storesOf(database, folder, clock);
  const { sites: registry, runs, history } = stores;
  let keys = await activeKeys(registry);
  let isReady = false;
  const metrics = new CoordinatorMetrics({
    connectedSites: () => gateway.connectedSites.length,
    runs: () => statusesOf(runs),
  });
  const report = (said: CoordinatorReport): void => {
    metrics.observe(said);
    tell(said);
    live.observe(said);
  };
  const onError = (error: unknown): void => {
    report({ kind: 'error', message: messageOf(error) });
  };
  const watch = new RoundWatch({
    ...{ history, clock, onError },
    planOf: async (runId) => {
      const run = await runs.run(runId);
      return run && runs.findPlan(run.planHash);
    },
  });
  const api: ApiServices = {
    ...stores,
    ...peopleOf(stores, clock),
    ...{ clock, watch, connectedSites: () => gateway.connectedSites },
    loggedIn: (outcome, address) => {
      api.attempts.add(outcome, address);
      report(loginReport(outcome, address));
    },
    changed: () => {
      void live.look();
    },
  };
  const app = createApp({
    ...{ folder, registry, runs, clock, api, metrics, secrets, onError },
    isReady: () => isReady,
    answered: report,
    console: () => bundlePage({ entry: new URL('./console/main', import.meta.url), title: 'Consilium' }),
    sitesChanged: () => {
      live.sitesChanged();
    },
  });
  const server = createListener(folder, app);
  const gateway = createSocketGateway({
    server,
    federationId: folder.federationId,
    keyOf: (siteId) => keys.get(siteId),
    clock,
    report: (gatewayReport) => {
      report({ kind: 'gateway', report: gatewayReport });
      if (gatewayReport.kind === 'connected' || gatewayReport.kind === 'lost')
        registry.touch(gatewayReport.siteId).catch(onError);
    },
  });
  const live = startLive({ server, services: api, clock, onError });
  const queue = new RunQueue({
    ...{ folder, database, runs, history, clock },
    gateway: watch.watch(gateway),
    report: (said) => {
      watch.observe(said);
      report(said);
    },
    roster: () => activeKeys(registry),
    openEvaluator: (plan, network) =>
      openEvaluator(plan, network, validation && sourceFrom(folder.path, validation)),
  });
  const stopWatching = every(
    clock,
    REGISTRY_POLL_MS,
    async () => {
      const fresh = await activeKeys(registry);
      for (const siteId of gateway.connectedSites) if (!fresh.has(siteId)) gateway.expel(siteId);
      keys = fresh;
    },
    onError,
  );
  try {
    await listen(server, folder);
  } catch (error) {
    stopWatching();
    await live.close();
    gateway.close();
    await database.destroy();
    throw error;
  }
  isReady = true;
  return {
    port: portOf(server),
    finished: queue.serve(),
    close: async () => {
      isReady = false;
      stopWatching();
      await queue.close();
      await live.close();
      gateway.close();
      server.closeAllConnections();
      await new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      });
      await watch.settled();
      await database.destroy();
    },
  };
}

async function activeKeys(registry: SiteRegistry): Promise<ReadonlyMap<SiteId, Uint8Array>> {
  const active = (await registry.list()).filter(({ status }) => status === 'active');
  return new Map(active.map(({ siteId, publicKey }) => [siteId, publicKey]));
}

/** Runs `work` again and again until the returned function is called. */
function every(
  clock: Clock,
  ms: number,
  work: () => Promise<void>,
  onError: (error: unknown) => void,
): () => void {
  let cancel: () => void = () => undefined;
  let isStopped = false;
  const plan = (): void => {
    if (isStopped) return;
    cancel = clock.schedule(ms, () => {
      work().catch(onError).finally(plan);
    });
  };
  plan();
  return () => {
    isStopped = true;
    cancel();
  };
}

function peopleOf(
  { users }: Pick<Stores, 'users'>,
  clock: Clock,
): Pick<ApiServices, 'passwords' | 'logins' | 'attempts'> {
  const passwords = new Passwords();
  return { passwords, logins: createLogins(users, passwords, clock), attempts: new LoginAttempts(clock) };
}

function loginReport(outcome: LoginOutcome, address: string): CoordinatorReport {
  if (outcome.kind === 'open') return { kind: 'login', outcome: 'open', address, user: outcome.session.user };
  const { reason, user } = outcome;
  return { kind: 'login', outcome: reason, address, ...(user !== undefined && { user }) };
}

async function statusesOf(runs: RunStore): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>(RUN_STATUSES.map((status) => [status, 0]));
  for (const { status } of await runs.runs()) counts.set(status, (counts.get(status) ?? 0) + 1);
  return counts;
}
