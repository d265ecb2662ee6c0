/** Every page of the console for every role: nothing in the way of keyboard and screen reader, no request elsewhere. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Browser } from 'playwright-core';
import { bundlePage } from '../../../shared/page-bundle.ts';
import { accessibilityFaults } from '../accessibility.ts';
import { CHROMIUM_REASON, chromiumPath, launchChromium } from '../chromium.ts';
import { goTo } from '../go-to.ts';
import { overflowsSideways } from '../watched-page.ts';
import { fillFederation, HOSTILE, LEDGER_ENTRIES, SITES } from './console-scene.ts';
import { consoleWorld, type ConsoleWorld } from './console-world.ts';

const PAGES = ['/', '/sites', '/plans', '/plans/new', '/runs', '/models', '/ledger', '/users', '/settings'];
const FIRST_LOAD_BYTES = 300_000;

describe.skipIf(chromiumPath === undefined)(`the console’s pages (skipped where ${CHROMIUM_REASON})`, () => {
  let browser: Browser;
  let world: ConsoleWorld;
  let planHash: string;
  beforeAll(async () => {
    browser = await launchChromium();
    world = await consoleWorld(browser);
    planHash = await fillFederation(world.stores);
  });
  afterAll(async () => {
    await world.remove();
    await browser.close();
  });

  it.each(['light', 'dark'] as const)('can be used by everybody, %s', async (colorScheme) => {
    const { tab, problems, strangers } = await world.visit({ colorScheme });
    expect(await accessibilityFaults(tab), 'login').toEqual([]);
    const ada = await world.visitAs('ada', { colorScheme });
    for (const path of [...PAGES, `/plans/${planHash}`, '/sites/site-007', '/runs/first']) {
      await goTo(ada.tab, path);
      expect(await accessibilityFaults(ada.tab), path).toEqual([]);
    }
    expect([...problems, ...ada.problems]).toEqual([]);
    expect([...strangers, ...ada.strangers]).toEqual([]);
  });

  it.each([1280, 400])('fits into %i pixels', async (width) => {
    const { tab } = await world.visitAs('ada', { viewport: { width, height: 800 } });
    for (const path of [...PAGES, `/plans/${planHash}`, '/sites/site-007', '/runs/first']) {
      await goTo(tab, path);
      expect(await overflowsSideways(tab), path).toBe(false);
    }
  });

  it('shows hostile names as the text they are', async () => {
    const { tab, problems } = await world.visitAs('ada');
    await tab.evaluate(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        document.title = `violation ${event.violatedDirective}`;
      });
    });
    await goTo(tab, `/plans/${planHash}`);
    await tab.getByText(HOSTILE).first().waitFor();
    await goTo(tab, '/ledger');
    await tab.getByLabel('Search').fill('alert(1)');
    await tab.getByText(HOSTILE).first().waitFor();
    expect(await tab.evaluate(() => 'stolen' in globalThis)).toBe(false);
    expect(await tab.locator('img[src=x]').count()).toBe(0);
    expect(await tab.title()).not.toContain('violation');
    expect(problems).toEqual([]);
  });

  it('lets an auditor see everything and change nothing', async () => {
    const { tab } = await world.visitAs('olaf');
    for (const path of PAGES) {
      await goTo(tab, path);
      for (const name of ['Invite a site', 'New plan', 'Add a run', 'Add a user', 'Add plan']) {
        const control = tab.getByRole('button', { name, exact: true });
        if ((await control.count()) > 0)
          expect(await control.first().getAttribute('aria-disabled'), `${path}: ${name}`).toBe('true');
      }
    }
    // What the page does not offer, the server refuses too.
    const status = await tab.evaluate(async () => {
      const session: unknown = await (await fetch('/api/v1/session')).json();
      const token =
        typeof session === 'object' && session !== null && 'csrfToken' in session ? session.csrfToken : '';
      const answer = await fetch('/api/v1/invitations', {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-csrf-token': String(token) },
        body: JSON.stringify({ siteId: 'stranger' }),
      });
      return answer.status;
    });
    expect(status).toBe(403);
  });

  it('keeps long tables short in the document', async () => {
    const { tab } = await world.visitAs('ada');
    await goTo(tab, '/sites');
    const table = tab.getByRole('table', { name: 'Sites' });
    expect(await table.getAttribute('aria-rowcount')).toBe(String(SITES + 1));
    expect(await table.getByRole('row').count()).toBeLessThan(60);
    await goTo(tab, '/ledger');
    const entries = tab.getByRole('table', { name: 'Entries of the ledger, newest first' });
    const frame = tab.getByRole('group', { name: 'Entries of the ledger, newest first' });
    // Scrolling to the end again and again brings all that was ever written, the oldest last.
    const oldest = entries.getByRole('button', { name: 'Entry 1', exact: true });
    for (let known = 0; (await oldest.count()) === 0;) {
      known = Number(await entries.getAttribute('aria-rowcount'));
      await frame.evaluate((element) => {
        element.scrollTop = element.scrollHeight;
      });
      const grown = tab.locator(`table[aria-rowcount]:not([aria-rowcount="${String(known)}"])`);
      await oldest.or(grown).first().waitFor({ state: 'attached' });
    }
    expect(Number(await entries.getAttribute('aria-rowcount'))).toBeGreaterThan(LEDGER_ENTRIES);
    expect(await entries.getByRole('row').count()).toBeLessThan(60);
  }, 120_000);

  it('loads little before the first page is seen', async () => {
    const { firstLoadBytes } = await bundlePage({
      entry: new URL('../../../coordinator/console/main', import.meta.url),
      title: '',
    });
    expect(firstLoadBytes).toBeLessThan(FIRST_LOAD_BYTES);
  });

  it('allows no script or style but its own files', async () => {
    const answer = await fetch(world.url, { headers: { accept: 'text/html' } });
    const policy = answer.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toContain('unsafe');
    expect(policy).not.toContain('upgrade-insecure-requests');
    expect(answer.headers.get('strict-transport-security')).toBeNull();
    expect(await answer.text()).not.toMatch(/<script[^>]*>[^<]|<style|style=/);
  });
});
