/**
 * The site's own page: a server on 127.0.0.1 in the agent's process. Its links stand in `page.json` of the site's folder,
 * for the agent's account only, as long as it serves.
 */
import { createServer, type Server } from 'node:http';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeAtomically } from '../../shared/atomic-file.ts';
import { systemClock, type Clock } from '../../shared/clock.ts';
import { messageOf, StorageError } from '../../shared/errors.ts';
import { bundlePage, type PageBundle } from '../../shared/page-bundle.ts';
import { readYamlFile } from '../../shared/yaml-file.ts';
import type { SiteFolder } from '../config.ts';
import { openLive } from './live.ts';
import { PageAccess } from './links.ts';
import type { PageAgent } from './page-agent.ts';
import { createPageApp } from './page-app.ts';
import { pageRoutes } from './page-routes.ts';
import { SitePage } from './site-page.ts';
import type { PageEvent } from './views.ts';

export interface PageServerOptions {
  readonly folder: SiteFolder;
  readonly agent: PageAgent;
  /** 0: any that is free. */
  readonly port: number;
  readonly clock?: Clock;
  /** Default: the page of this program. */
  readonly bundle?: () => Promise<PageBundle>;
}

export interface ServedLink {
  readonly person: string;
  readonly role: 'administrator' | 'viewer';
  /** With the word in its fragment. */
  readonly url: string;
}

export interface PageServer {
  readonly port: number;
  readonly links: readonly ServedLink[];
  /** Tells the open pages that the agent has ended. */
  close(): Promise<void>;
}

/** Of a browser's page when nothing else has changed. */
const STATE_INTERVAL_MS = 300;
/** Another process may stop or start the agent. */
const LOOK_MS = 5000;

/** @throws StorageError when the port cannot be had */
export async function startPage(options: PageServerOptions): Promise<PageServer> {
  const { folder, agent, clock = systemClock } = options;
  const access = new PageAccess(clock);
  let port = options.port;
  const publish = (event: PageEvent): void => {
    live.publish(event);
  };
  const page = new SitePage({ folder, agent, clock, publish });
  const app = createPageApp({
    ...{ access, routes: pageRoutes(page), port: () => port },
    bundle: bundledOnce(options.bundle ?? bundleOfProgram),
    ended: (cookie) => {
      live.signOut(cookie);
    },
  });
  const server = createServer({ maxHeaderSize: 16 * 1024, requestTimeout: 30_000 }, app);
  port = await listening(server, options.port);
  const greeting = async (): Promise<PageEvent> => ({ topic: 'state', state: await page.state() });
  const live = openLive({ server, access, clock, greeting, port: () => port });
  const endWatch = watchState(page, clock, publish);
  const links = access.links.map(({ name, role, word }) => {
    return { person: name, role, url: `http://127.0.0.1:${String(port)}/#${word}` };
  });
  const file = pathOf(folder.path);
  await writeAtomically(file, new TextEncoder().encode(`${JSON.stringify({ links }, undefined, 2)}\n`));
  return {
    ...{ port, links },
    close: async () => {
      endWatch();
      publish({ topic: 'ended' });
      await page.close();
      const closed = live.close();
      server.closeAllConnections();
      await closed;
      await rm(file, { force: true });
    },
  };
}

const bundleOfProgram = (): Promise<PageBundle> =>
  bundlePage({ entry: new URL('./page/main', import.meta.url), title: 'Consilium site' });

/** A failure is not kept. */
function bundledOnce(make: () => Promise<PageBundle>): () => Promise<PageBundle> {
  let made: Promise<PageBundle> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}

function listening(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => {
      reject(
        new StorageError(
          `the site's page cannot listen on 127.0.0.1:${String(port)}: ${messageOf(cause)}; set page.port in site.yaml to another (0: any that is free), or start with --no-page`,
          { cause },
        ),
      );
    });
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

/** Hands on what the agent does, at most every `STATE_INTERVAL_MS`, and what follows from it. */
function watchState(page: SitePage, clock: Clock, publish: (event: PageEvent) => void): () => void {
  let cancelState: (() => void) | undefined;
  let cancelLook: () => void = () => undefined;
  let before = page.agent.now();
  const tell = (): void => {
    cancelState = undefined;
    void page.state().then((state) => {
      publish({ topic: 'state', state });
    });
    const now = page.agent.now();
    if (now?.round !== before?.round)
      for (const topic of ['receipts', 'training', 'ledger'] as const) publish({ topic });
    before = now;
  };
  const endListening = page.agent.onChange(() => {
    cancelState ??= clock.schedule(STATE_INTERVAL_MS, tell);
  });
  const look = (): void => {
    tell();
    cancelLook = clock.schedule(LOOK_MS, look);
  };
  cancelLook = clock.schedule(LOOK_MS, look);
  return () => {
    endListening();
    cancelState?.();
    cancelLook();
  };
}

const pathOf = (siteFolder: string): string => join(siteFolder, 'page.json');

const linksSchema = z.strictObject({
  links: z.array(
    z.strictObject({ person: z.string(), role: z.enum(['administrator', 'viewer']), url: z.url() }),
  ),
});

/** Of a page that another process serves. @throws InputError when none does */
export const readLinks = (siteFolder: string): readonly ServedLink[] =>
  readYamlFile(
    "the page's links",
    pathOf(siteFolder),
    linksSchema,
    'no page is served: `consilium site start` or `consilium site page` does that',
  ).links;
