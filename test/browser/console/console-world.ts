/** A coordinator with its console on loopback, people who may log in, and a clock that can be put forward. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { initCoordinator, type CoordinatorFolder } from '../../../coordinator/config.ts';
import { Passwords } from '../../../coordinator/people/password.ts';
import { startCoordinator, type RunningCoordinator } from '../../../coordinator/server.ts';
import { COMMAND_LINE } from '../../../coordinator/storage/administration.ts';
import { openDatabase } from '../../../coordinator/storage/database.ts';
import { storesOf, type Stores } from '../../../coordinator/storage/stores.ts';
import { userNameSchema } from '../../../coordinator/storage/user-store.ts';
import { systemClock, type Clock } from '../../../shared/clock.ts';
import { freePort } from '../../free-port.ts';
import { openWatched, type WatchedPage } from '../watched-page.ts';

export const PASSWORD = 'correct horse battery';
export const PEOPLE = [
  ['ada', 'administrator'],
  ['ben', 'administrator'],
  ['rita', 'researcher'],
  ['olaf', 'auditor'],
] as const;
export type PersonName = (typeof PEOPLE)[number][0];

export interface ConsoleWorld {
  readonly url: string;
  readonly folder: CoordinatorFolder;
  /** What the coordinator keeps, as its commands change it beside the running server. */
  readonly stores: Stores;
  putClockForward(ms: number): void;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** A browser of its own in which nobody is logged in. */
  visit(options?: BrowserContextOptions): Promise<WatchedPage>;
  /** A browser of its own in which this person is logged in. */
  visitAs(name: PersonName, options?: BrowserContextOptions): Promise<WatchedPage>;
  remove(): Promise<void>;
}

export async function consoleWorld(browser: Browser): Promise<ConsoleWorld> {
  const root = mkdtempSync(join(tmpdir(), 'consilium-console-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${String(port)}`;
  const folder = initCoordinator(join(root, 'coordinator'), {
    ...{ host: '127.0.0.1', port, url, behindTlsProxy: false },
  });
  let offsetMs = 0;
  const clock: Clock = {
    nowMs: () => systemClock.nowMs() + offsetMs,
    elapsedMs: () => systemClock.elapsedMs() + offsetMs,
    schedule: (ms, then) => systemClock.schedule(ms, then),
  };
  const database = await openDatabase(folder.database);
  const stores = storesOf(database, folder, clock);
  const password = await new Passwords().hash(PASSWORD);
  for (const [name, role] of PEOPLE)
    await stores.administration.addUser(COMMAND_LINE, { name: userNameSchema.parse(name), role, password });
  let running: RunningCoordinator | undefined;
  const visitors: WatchedPage[] = [];
  const world: ConsoleWorld = {
    ...{ url, folder, stores },
    putClockForward: (ms) => {
      offsetMs += ms;
    },
    start: async () => {
      running = await startCoordinator(folder, () => undefined, clock);
    },
    stop: async () => {
      await running?.close();
      running = undefined;
    },
    visit: async (options) => {
      const visitor = await openWatched(browser, url, options);
      visitors.push(visitor);
      await visitor.tab.goto(url);
      return visitor;
    },
    visitAs: async (name, options) => {
      const visitor = await world.visit(options);
      await logIn(visitor.tab, name);
      return visitor;
    },
    remove: async () => {
      for (const visitor of visitors) await visitor.close();
      await world.stop();
      await database.destroy();
      rmSync(root, { recursive: true });
    },
  };
  await world.start();
  return world;
}

export async function logIn(tab: Page, name: PersonName, password = PASSWORD): Promise<void> {
  await tab.getByLabel('Name').fill(name);
  await tab.getByLabel('Password').fill(password);
  await tab.getByRole('button', { name: 'Log in' }).click();
  await tab.locator('main h1:not(:text("Log in"))').waitFor();
}
