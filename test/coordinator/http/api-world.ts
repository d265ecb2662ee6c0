/** A coordinator's application on loopback with a database of its own, and people who log in to it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Express } from 'express';
import { initCoordinator, type CoordinatorFolder } from '../../../coordinator/config.ts';
import type { ApiServices } from '../../../coordinator/http/api/services.ts';
import { createApp, type AppOptions } from '../../../coordinator/http/app.ts';
import { CoordinatorMetrics } from '../../../coordinator/metrics.ts';
import { LoginAttempts } from '../../../coordinator/people/login-attempts.ts';
import { createLogins, type LoginOutcome } from '../../../coordinator/people/logins.ts';
import { Passwords } from '../../../coordinator/people/password.ts';
import type { CoordinatorReport } from '../../../coordinator/reports.ts';
import { RoundWatch } from '../../../coordinator/run/round-watch.ts';
import { COMMAND_LINE } from '../../../coordinator/storage/administration.ts';
import { openDatabase, type Database } from '../../../coordinator/storage/database.ts';
import { storesOf } from '../../../coordinator/storage/stores.ts';
import type { Role } from '../../../coordinator/storage/tables.ts';
import { userNameSchema } from '../../../coordinator/storage/user-store.ts';
import { systemClock } from '../../../shared/clock.ts';
import type { SiteId } from '../../../shared/ids.ts';

export const ORIGIN = 'http://consilium.test:8443';
export const PASSWORD = 'correct horse battery';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Undefined for what is no JSON. */
  readonly body: unknown;
}

export interface RequestOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Person {
  readonly cookie: string;
  readonly csrfToken: string;
  ask(method: string, path: string, options?: RequestOptions): Promise<Answer>;
}

export interface ApiWorld {
  readonly folder: CoordinatorFolder;
  readonly database: Database;
  readonly services: ApiServices;
  readonly app: Express;
  readonly server: Server;
  readonly reports: CoordinatorReport[];
  readonly errors: unknown[];
  readonly connected: SiteId[];
  readonly metrics: CoordinatorMetrics;
  /** How often whoever looks on would have been told. */
  changes(): number;
  time: { nowMs: number; elapsedMs: number };
  ask(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  addUser(name: string, role: Role): Promise<void>;
  login(name: string, password?: string): Promise<Answer>;
  /** Adds the user as well. */
  person(role: Role, name?: string): Promise<Person>;
  close(): Promise<void>;
}

export interface WorldOptions {
  readonly url?: string;
  readonly behindTlsProxy?: boolean;
  readonly metricsToken?: string;
  readonly app?: Partial<AppOptions>;
  /** Called whenever whoever looks on would be told. */
  readonly changed?: () => void;
}

export async function createApiWorld(options: WorldOptions = {}): Promise<ApiWorld> {
  const { url = ORIGIN, behindTlsProxy = false, metricsToken } = options;
  const root = mkdtempSync(join(tmpdir(), 'consilium-api-'));
  const folder = initCoordinator(join(root, 'coordinator'), {
    ...{ host: '127.0.0.1', port: 0, url, behindTlsProxy },
  });
  const database = await openDatabase(join(root, 'coordinator.db'));
  const time = { nowMs: Date.UTC(2026, 0, 1), elapsedMs: 0 };
  const clock = {
    ...systemClock,
    nowMs: () => time.nowMs,
    elapsedMs: () => time.elapsedMs,
  };
  const stores = storesOf(database, folder, clock);
  const { users } = stores;
  const passwords = new Passwords({ ln: 4, r: 8, p: 1 });
  const reports: CoordinatorReport[] = [];
  const errors: unknown[] = [];
  const connected: SiteId[] = [];
  const watch = new RoundWatch({
    ...{ history: stores.history, clock, onError: (error) => errors.push(error) },
    planOf: async (runId) => {
      const run = await stores.runs.run(runId);
      return run && stores.runs.findPlan(run.planHash);
    },
  });
  let changes = 0;
  const services: ApiServices = {
    ...stores,
    ...{ passwords, clock, watch },
    logins: createLogins(users, passwords, clock),
    attempts: new LoginAttempts(clock),
    changed: () => {
      changes++;
      options.changed?.();
    },
    connectedSites: () => connected,
    loggedIn: (outcome: LoginOutcome, address) => {
      services.attempts.add(outcome, address);
      reports.push({
        ...{ kind: 'login', address },
        outcome: outcome.kind === 'open' ? 'open' : outcome.reason,
      });
    },
  };
  const metrics = new CoordinatorMetrics({
    connectedSites: () => connected.length,
    runs: () => Promise.resolve(new Map()),
  });
  const app = createApp({
    ...{ folder, registry: services.sites, runs: services.runs, clock, api: services, metrics },
    secrets: { metricsToken },
    isReady: () => true,
    sitesChanged: () => {
      changes++;
      options.changed?.();
    },
    onError: (error) => errors.push(error),
    answered: (report) => {
      reports.push(report);
      metrics.observe(report);
    },
    ...options.app,
  });
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  const ask: ApiWorld['ask'] = async (method, path, { body, headers = {} } = {}) => {
    const response = await fetch(`http://127.0.0.1:${String(port)}${path}`, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: jsonOf(text) };
  };
  const addUser: ApiWorld['addUser'] = async (name, role) => {
    const password = await passwords.hash(PASSWORD);
    const user = { name: userNameSchema.parse(name), role, password };
    await services.administration.addUser(COMMAND_LINE, user);
  };
  const login: ApiWorld['login'] = (name, password = PASSWORD) =>
    ask('POST', '/api/v1/login', { body: { name, password } });
  return {
    ...{
      folder,
      database,
      services,
      app,
      server,
      reports,
      errors,
      connected,
      metrics,
      time,
      ask,
      addUser,
      login,
    },
    changes: () => changes,
    person: async (role, name = `the-${role}`) => {
      await addUser(name, role);
      const { headers, body } = await login(name);
      const cookie = (headers.get('set-cookie') ?? '').split(';')[0] ?? '';
      const csrfToken = tokenIn(body);
      return {
        ...{ cookie, csrfToken },
        ask: (method, path, given = {}) =>
          ask(method, path, {
            ...given,
            headers: { cookie, ...(method !== 'GET' && { 'x-csrf-token': csrfToken }), ...given.headers },
          }),
      };
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await database.destroy();
      rmSync(root, { recursive: true });
    },
  };
}

function tokenIn(body: unknown): string {
  if (typeof body !== 'object' || body === null || !('csrfToken' in body)) return '';
  return String(body.csrfToken);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
