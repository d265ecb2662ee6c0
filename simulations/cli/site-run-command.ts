/** `consilium site start | page`: the agent of a site, and the page on which its people see and control it. */
import type { Command } from 'commander';
import { lockOf, startSite, type SiteReport } from '../../client/agent/site.ts';
import { openSiteFolder, type SiteFolder } from '../../client/config.ts';
import { isHeld } from '../../client/lock-file.ts';
import { AgentElsewhere, AgentHere } from '../../client/ui/page-agent.ts';
import { readLinks, startPage, type PageServer, type ServedLink } from '../../client/ui/page-server.ts';
import { systemClock } from '../../shared/clock.ts';
import { runInterruptible } from '../interruptible.ts';
import { acting, say } from './command-forms.ts';
import { siteCommandNamed as command, type SiteOptions } from './site-forms.ts';
import { describeSiteReport, siteLogFields } from './site-log.ts';

/** start, page. */
export const siteRunCommands = (): readonly [Command, Command] => [start(), page()];

interface StartOptions extends SiteOptions {
  readonly page: boolean;
}

function start(): Command {
  return command('start', 'take part until Ctrl-C')
    .option('--json', 'log as JSON lines')
    .option('--no-page', "without the site's own page")
    .action(async ({ dir, json = false, page: wantsPage }: StartOptions) => {
      await runInterruptible(async (signal) => {
        const agent = new AgentHere(systemClock);
        const site = await startSite(openSiteFolder(dir), (report: SiteReport) => {
          agent.hear(report);
          const line = json ? jsonLine(report) : describeSiteReport(report);
          if (line !== undefined) say(line);
        });
        let server: PageServer | undefined;
        try {
          server = wantsPage ? await pageFor(openSiteFolder(dir), agent, json) : undefined;
          await Promise.race([abortOf(signal), site.finished, agent.stopRequested]);
        } finally {
          await site.stop().finally(() => server?.close());
        }
      });
    });
}

function jsonLine(report: SiteReport): string | undefined {
  const fields = siteLogFields(report);
  return fields && JSON.stringify(fields);
}

const abortOf = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    signal.addEventListener('abort', () => {
      resolve();
    });
  });

async function pageFor(folder: SiteFolder, agent: AgentHere, json: boolean): Promise<PageServer | undefined> {
  const { enabled, port } = folder.config.page ?? { enabled: true, port: 0 };
  if (!enabled) return undefined;
  const server = await startPage({ folder, agent, port });
  // A log is read by more people than a terminal.
  if (json) say(JSON.stringify({ kind: 'page', port: server.port }));
  else sayLinks(server.links, folder);
  return server;
}

function sayLinks(links: readonly ServedLink[], { path }: SiteFolder): void {
  const [first] = links;
  if (!first) return;
  say(`page         ${first.url}`);
  say(`             on this machine only; \`consilium site page --dir ${path}\` prints all links again`);
}

function page(): Command {
  return command('page', "print the links of the site's page, or serve it where no agent runs, until Ctrl-C")
    .option('--json', 'as JSON')
    .action(async (options: SiteOptions) => {
      const folder = openSiteFolder(options.dir);
      if (await isHeld(lockOf(folder))) await printed(options);
      else await served(folder, options);
    });
}

const printed = acting(({ dir, json }: SiteOptions) => {
  showAll(readLinks(dir), json);
  return Promise.resolve();
});

function showAll(links: readonly ServedLink[], json = false): void {
  if (json) say(JSON.stringify(links, undefined, 2));
  else for (const { person, url } of links) say(`${person.padEnd(15)}${url}`);
}

const served = (folder: SiteFolder, { json }: SiteOptions): Promise<void> =>
  runInterruptible(async (signal) => {
    const agent = new AgentElsewhere(folder.path);
    const server = await startPage({ folder, agent, port: folder.config.page?.port ?? 0 });
    try {
      showAll(server.links, json);
      if (!json) say('No agent runs here: the page is for looking and deciding. Ctrl-C ends it.');
      await abortOf(signal);
    } finally {
      await server.close();
    }
  });
