/** The site's own page in a real browser: links, decisions, roles, and what a malicious name cannot do. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readPolicy } from '../../../client/config.ts';
import { bundlePage } from '../../../shared/page-bundle.ts';
import { hashPlan } from '../../../shared/protocol/plan.ts';
import { signRoster } from '../../../shared/protocol/roster.ts';
import { createPageWorld, type PageWorld } from '../../client/ui/page-world.ts';
import { planOf, site } from '../../coordinator/fixtures.ts';
import { CHROMIUM_REASON, chromiumPath, launchChromium } from '../chromium.ts';

/** Runs a script wherever it is not shown as text. */
const EVIL = '<img src=x onerror="window.attacked=1">';
const plan = planOf({}, { task: { name: EVIL, classNames: ['left', 'right'], imageDims: [1, 8, 8] } });
const bundle = bundlePage({ entry: new URL('../../../client/ui/page/main', import.meta.url), title: 'Site' });
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

describe.skipIf(chromiumPath === undefined)(
  chromiumPath === undefined ? `the site page: skipped, ${CHROMIUM_REASON}` : 'the site page',
  () => {
    let browser: Browser;
    let coordinator: Server;
    let world: PageWorld;
    let tab: Page;
    let requests: string[];

    beforeAll(async () => {
      browser = await launchChromium();
    });
    afterAll(async () => {
      await browser.close();
    });
    beforeEach(async () => {
      coordinator = createServer((_request, response) => {
        const roster = signRoster(
          world.coordinator,
          new Map([[site('north'), world.folder.identity.publicKey]]),
        );
        response.end(JSON.stringify({ roster, plans: [plan] }));
      });
      coordinator.listen(0, '127.0.0.1');
      await once(coordinator, 'listening');
      const { port } = coordinator.address() as AddressInfo;
      const coordinatorUrl = `http://127.0.0.1:${String(port)}`;
      world = await createPageWorld({ coordinatorUrl, data: 'phantoms:1/3', bundle: () => bundle });
      tab = await (await browser.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
      requests = [];
      tab.on('request', (request) => requests.push(request.url()));
    });
    afterEach(async () => {
      await tab.context().close();
      await world.close();
      coordinator.closeAllConnections();
      coordinator.close();
    });

    const linkOf = (person: string): string =>
      world.server.links.find((link) => link.person === person)?.url ?? '';
    const open = async (person = 'first person'): Promise<void> => {
      await tab.goto(linkOf(person));
      await tab.getByRole('heading', { level: 1, name: 'Now' }).waitFor();
    };
    const go = async (label: string): Promise<void> => {
      await tab.getByRole('link', { name: label }).first().click();
      await tab.getByRole('heading', { level: 1, name: label }).waitFor();
    };

    it('opens with a link, whose word does not stay in the address, and with none says what to do', async () => {
      await tab.goto(`${new URL(linkOf('viewer')).origin}/#${'A'.repeat(43)}`);
      await tab.getByRole('heading', { name: 'This link is not valid any more' }).waitFor();
      await open();
      expect(tab.url()).not.toContain(world.word('first person'));
      await tab.reload();
      await tab.getByRole('heading', { level: 1, name: 'Now' }).waitFor();
      await tab.getByRole('button', { name: 'Close session' }).click();
      await tab.getByRole('heading', { name: 'This session is closed' }).waitFor();
      expect(requests.filter((url) => new URL(url).hostname !== '127.0.0.1')).toEqual([]);
    });

    it('shows a plan’s name as the text that it is, and approves it', async () => {
      await open();
      await go('Plans');
      await tab.getByRole('heading', { name: EVIL }).waitFor();
      await tab.getByRole('button', { name: 'Approve plan' }).click();
      const dialog = tab.getByRole('dialog');
      await dialog.getByRole('button', { name: 'Approve plan' }).click();
      // The images here are of other classes: that is said, and can be overruled.
      await dialog.getByText('the data here have no class left').waitFor();
      expect(readPolicy(world.folder).approvedPlans).toEqual([]);
      await dialog.getByLabel('Approve although the images here do not fit').check();
      await dialog.getByRole('button', { name: 'Approve plan' }).click();
      await tab.getByText('approved', { exact: true }).waitFor();
      expect(readPolicy(world.folder).approvedPlans).toEqual([hashPlan(plan)]);
      expect(await tab.evaluate('window.attacked')).toBeUndefined();
    });

    it('lets a viewer look, and says why nothing can be changed', async () => {
      await open('viewer');
      const stop = tab.getByRole('button', { name: 'Stop at once' });
      expect(await stop.getAttribute('aria-disabled')).toBe('true');
      expect(await stop.getAttribute('title')).toContain('for looking only');
      await go('Our data');
      await tab.getByText('Not scanned yet').waitFor();
    });

    it('says that the agent has stopped', async () => {
      await open();
      await tab.getByRole('button', { name: 'Stop at once' }).click();
      await tab.getByRole('dialog').getByRole('button', { name: 'Stop at once' }).click();
      await world.agent.stopRequested;
      await world.server.close();
      await tab.getByRole('heading', { name: 'The agent has stopped' }).waitFor();
    });

    it.each(['light', 'dark'] as const)(
      'has nothing that axe finds serious, %s, wide and narrow',
      async (theme) => {
        // The tool is put into the page, which the page's own policy would refuse.
        const options = { bypassCSP: true, colorScheme: theme, viewport: { width: 400, height: 900 } };
        tab = await (await browser.newContext(options)).newPage();
        await open();
        for (const width of [1280, 400])
          for (const label of ['now', 'plans', 'receipts', 'data', 'benefit', 'policy', 'ledger']) {
            await tab.setViewportSize({ width, height: 900 });
            await tab.evaluate(`location.hash = '#/${label === 'now' ? '' : label}'`);
            await tab.locator('main h1').waitFor();
            await tab.waitForLoadState('networkidle');
            await tab.evaluate(axe);
            const found = await tab.evaluate(
              "axe.run().then(({ violations }) => violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id }) => id))",
            );
            expect([label, width, found]).toEqual([label, width, []]);
            const overflow = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
            expect([label, width, await tab.evaluate(overflow)]).toEqual([label, width, 0]);
          }
      },
    );
  },
);
