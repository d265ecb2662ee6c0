/** The site's own page beside a federation of processes: what a hospital sees, decides and stops. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSiteFolder, siteIdentity, writeSite } from '../../../client/config.ts';
import { sitePolicySchema } from '../../../client/session/policy.ts';
import { AgentHere } from '../../../client/ui/page-agent.ts';
import { startPage } from '../../../client/ui/page-server.ts';
import { systemClock } from '../../../shared/clock.ts';
import { encodePng } from '../../../shared/data/png.ts';
import { siteIdSchema } from '../../../shared/ids.ts';
import { runDemo, type DemoAddresses } from '../../../simulations/demo/demo.ts';
import { accessibilityFaults } from '../accessibility.ts';
import { CHROMIUM_REASON, chromiumPath, launchChromium } from '../chromium.ts';
import { openWatched, overflowsSideways, type WatchedPage } from '../watched-page.ts';
import { goTo } from '../go-to.ts';

const PAGES = ['/', '/plans', '/receipts', '/data', '/benefit', '/policy', '/ledger'];
const TINY = { size: 16, network: { name: 'cnn', options: { filters: [4], dense: 8 } }, epochs: 1 };
/** Would run in a page that took it for markup. */
const HOSTILE = '<img src=x onerror=stolen=1>.png';

describe.skipIf(chromiumPath === undefined)(`a site’s own page (skipped where ${CHROMIUM_REASON})`, () => {
  let browser: Browser;
  let demo: DemoAddresses;
  let ended: Promise<void>;
  const controller = new AbortController();
  const visitors: WatchedPage[] = [];

  beforeAll(async () => {
    browser = await launchChromium();
    demo = await new Promise<DemoAddresses>((resolve, reject) => {
      ended = runDemo({
        ...{ port: 0, sites: 3, rounds: 500, training: TINY, signal: controller.signal },
        say: () => undefined,
        ready: resolve,
      });
      ended.catch(reject);
    });
  }, 180_000);
  afterAll(async () => {
    controller.abort();
    await browser.close();
    await ended;
  }, 60_000);

  async function visit(url: string, options: Parameters<typeof openWatched>[2] = {}): Promise<WatchedPage> {
    const visitor = await openWatched(browser, new URL(url).origin, options);
    visitors.push(visitor);
    await visitor.tab.goto(url);
    await visitor.tab.locator('main h1').waitFor();
    return visitor;
  }
  const pageOf = (index: number): string => demo.sites[index]?.pageUrl ?? '';

  it.each(['light', 'dark'] as const)('can be used by everybody, %s', async (colorScheme) => {
    const { tab, problems, strangers } = await visit(pageOf(0), { colorScheme });
    for (const path of PAGES) {
      await goTo(tab, path);
      expect(await accessibilityFaults(tab), path).toEqual([]);
    }
    expect(problems).toEqual([]);
    expect(strangers).toEqual([]);
  });

  it.each([1280, 400])('fits into %i pixels', async (width) => {
    const { tab } = await visit(pageOf(0), { viewport: { width, height: 800 } });
    for (const path of PAGES) {
      await goTo(tab, path);
      expect(await overflowsSideways(tab), path).toBe(false);
    }
  });

  it('opens with a link only, which does not stay in the address', async () => {
    const { tab } = await visit(pageOf(1));
    expect(new URL(tab.url()).hash).not.toMatch(/[A-Za-z0-9_-]{43}/);
    const { tab: stranger } = await visit(new URL(pageOf(1)).origin);
    await stranger.getByRole('heading', { name: 'Open this page by its link' }).waitFor();
    const wrong = new URL(pageOf(1));
    wrong.hash = 'A'.repeat(43);
    const { tab: guesser } = await visit(wrong.href);
    await guesser.getByRole('heading', { name: 'This link is not valid any more' }).waitFor();
  });

  it('approves a plan that waits, and enters it in the ledger', async () => {
    const { tab } = await visit(pageOf(1));
    await goTo(tab, '/plans');
    await tab.getByRole('button', { name: 'Approve plan phantoms-longer' }).click();
    await tab.getByRole('dialog').getByRole('button', { name: 'Approve plan' }).click();
    await tab.getByText('Plan phantoms-longer is approved.').waitFor();
    await goTo(tab, '/ledger');
    await tab
      .getByText(/approved/i)
      .first()
      .waitFor();
  });

  it('shows receipts of rounds as they come', async () => {
    const { tab } = await visit(pageOf(1));
    await goTo(tab, '/receipts');
    const rows = tab.getByRole('table', { name: 'What left the hospital in each round' }).getByRole('row');
    await rows.nth(2).waitFor({ timeout: 60_000 });
    expect(await rows.nth(1).textContent()).toContain('demo');
  }, 120_000);

  it('stops the agent, and says so', async () => {
    const { tab } = await visit(pageOf(2));
    await tab.getByRole('button', { name: 'Stop at once' }).click();
    await tab.getByRole('dialog').getByRole('button', { name: 'Stop at once' }).click();
    await tab
      .getByRole('heading', { name: /agent (has stopped|does not answer)/ })
      .waitFor({ timeout: 60_000 });
  }, 120_000);

  it('shows hostile names of files as the text they are', async () => {
    const root = mkdtempSync(join(tmpdir(), 'consilium-hostile-'));
    const data = join(root, 'data');
    for (const name of ['ill', 'well']) {
      mkdirSync(join(data, name), { recursive: true });
      for (let i = 0; i < 6; i++)
        writeFileSync(
          join(data, name, `${String(i)}.png`),
          await encodePng({
            width: 16,
            height: 16,
            channels: 1,
            pixels: Uint8Array.from({ length: 256 }, (_, at) => (at * (i + 3)) % 256),
          }),
        );
    }
    writeFileSync(join(data, 'ill', HOSTILE), 'no image');
    const path = join(root, 'site');
    siteIdentity(path);
    await writeSite(
      path,
      {
        siteId: siteIdSchema.parse('north'),
        coordinator: { url: 'http://127.0.0.1:9', federationId: 'f', key: 'a'.repeat(64) },
        ...{ engine: 'onnx', data: `folder:${data}` },
      },
      sitePolicySchema.parse({ approvedPlans: [] }),
    );
    const folder = openSiteFolder(path);
    const server = await startPage({ folder, agent: new AgentHere(systemClock), port: 0 });
    try {
      const { tab, problems } = await visit(server.links[0]?.url ?? '');
      await goTo(tab, '/data');
      await tab.getByRole('button', { name: /scan/i }).first().click();
      await tab.getByText(HOSTILE).first().waitFor();
      expect(await tab.evaluate(() => 'stolen' in globalThis)).toBe(false);
      expect(problems).toEqual([]);
    } finally {
      await server.close();
      rmSync(root, { recursive: true });
    }
  });
});
