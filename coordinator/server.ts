/** A running coordinator: HTTP and the sites' connections on one port, and the queue of runs. */
import { readFileSync } from 'node:fs';
import { createServer as createHttp, type Server as HttpServer } from 'node:http';
import { createServer as createHttps } from 'node:https';
import { systemClock, type Clock } from '../shared/clock.ts';
import { InputError, messageOf } from '../shared/errors.ts';
import type { SiteId } from '../shared/ids.ts';
import { sourceFrom } from '../shared/data/open-local.ts';
import { pathIn, type CoordinatorFolder } from './config.ts';
import { openEvaluator } from './evaluation/evaluator.ts';
import { createApp } from './http/app.ts';
import { RunQueue, type QueueReport } from './run/queue.ts';
import { openDatabase } from './storage/database.ts';
import { RunStore } from './storage/run-store.ts';
import { SiteRegistry } from './storage/site-registry.ts';
import { createSocketGateway, type GatewayReport } from './transport/socket-gateway.ts';

export type CoordinatorReport =
  | QueueReport
  | { readonly kind: 'gateway'; readonly report: GatewayReport }
  | { readonly kind: 'error'; readonly message: string };

export interface RunningCoordinator {
  readonly port: number;
  /** Rejects when the coordinator cannot go on. */
  readonly finished: Promise<void>;
  /** Ends connections and the queue; a run in progress goes on at the next start. */
  close(): Promise<void>;
}

/** Request headers have to be there within this; the rest has a minute. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
/** Who may connect is read again so often, and at once when a site is not known. */
const REGISTRY_POLL_MS = 1000;

/** @throws InputError or StorageError when configuration, certificate, port or database cannot be used */
export async function startCoordinator(
  folder: CoordinatorFolder,
  report: (report: CoordinatorReport) => void,
  clock: Clock = systemClock,
): Promise<RunningCoordinator> {
  const { validation } = folder.config;
  const database = await openDatabase(folder.database);
  const registry = new SiteRegistry(database, clock);
  const runs = new RunStore(database, clock);
  let keys = await activeKeys(registry);
  let isReady = false;
  const onError = (error: unknown): void => {
    report({ kind: 'error', message: messageOf(error) });
  };
  const app = createApp({ folder, registry, runs, clock, isReady: () => isReady, onError });
  const server = createServer(folder, app);
  const gateway = createSocketGateway({
    server,
    federationId: folder.federationId,
    keyOf: (siteId) => keys.get(siteId),
    clock,
    report: (gatewayReport) => {
      report({ kind: 'gateway', report: gatewayReport });
    },
  });
  const queue = new RunQueue({
    ...{ folder, database, runs, gateway, clock, report },
    roster: () => activeKeys(registry),
    openEvaluator: (plan) => openEvaluator(plan, validation && sourceFrom(folder.path, validation)),
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
      gateway.close();
      server.closeAllConnections();
      await new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
      });
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

function createServer(folder: CoordinatorFolder, app: Parameters<typeof createHttp>[1]): HttpServer {
  const limits = { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS };
  const { tls } = folder.config;
  if (!tls) return createHttp(limits, app);
  const read = (file: string): Buffer => {
    try {
      return readFileSync(pathIn(folder, file));
    } catch (cause) {
      throw new InputError(`tls: ${file} cannot be read: ${messageOf(cause)}`, { cause });
    }
  };
  try {
    return createHttps({ ...limits, cert: read(tls.certificate), key: read(tls.key) }, app);
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    throw new InputError(`tls: certificate and key cannot be used: ${messageOf(cause)}`, { cause });
  }
}

function listen(server: HttpServer, { config }: CoordinatorFolder): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      const place = `${config.host}:${String(config.port)}`;
      reject(new InputError(`the coordinator cannot listen on ${place}: ${messageOf(cause)}`, { cause }));
    });
    server.listen(config.port, config.host, resolve);
  });
}

function portOf(server: HttpServer): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
