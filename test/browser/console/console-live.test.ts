/** Several people at once, a server that goes away, sessions that end: what a page that stays open goes through. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Browser } from 'playwright-core';
import { COMMAND_LINE } from '../../../coordinator/storage/administration.ts';
import { SESSION_MAX_MS, userNameSchema } from '../../../coordinator/storage/user-store.ts';
import { siteIdSchema } from '../../../shared/ids.ts';
import { CHROMIUM_REASON, chromiumPath, launchChromium } from '../chromium.ts';
import { goTo } from '../go-to.ts';
import { consoleWorld, logIn, PASSWORD, type ConsoleWorld } from './console-world.ts';

const HOUR_MS = 3_600_000;

describe.skipIf(chromiumPath === undefined)(
  `the console while it stays open (skipped where ${CHROMIUM_REASON})`,
  () => {
    let browser: Browser;
    let world: ConsoleWorld;
    beforeAll(async () => {
      browser = await launchChromium();
    });
    afterAll(() => browser.close());
    beforeEach(async () => {
      world = await consoleWorld(browser);
    });
    afterEach(() => world.remove());

    it('shows at once what a second administrator changes', async () => {
      const [ada, ben] = [await world.visitAs('ada'), await world.visitAs('ben')];
      await goTo(ada.tab, '/sites');
      await goTo(ben.tab, '/sites');
      await ben.tab.getByText('Live', { exact: true }).waitFor({ state: 'attached' });
      await ada.tab.getByRole('button', { name: 'Invite a site' }).first().click();
      await ada.tab.getByLabel('Name of the site').fill('st-mary');
      await ada.tab.getByRole('button', { name: 'Make invitation' }).click();
      await ada.tab.getByText('It is shown only now').waitFor();
      await ben.tab.getByText('st-mary').first().waitFor();
      // What somebody does at the command line comes the same way.
      await world.stores.administration.invite(COMMAND_LINE, siteIdSchema.parse('st-john'), HOUR_MS);
      await ben.tab.getByText('st-john').first().waitFor();
      expect([...ada.problems, ...ben.problems]).toEqual([]);
    });

    it('says that the server is away, comes back by itself and keeps the login', async () => {
      const { tab, problems } = await world.visitAs('ada');
      await goTo(tab, '/sites');
      await tab.getByText('Live', { exact: true }).waitFor({ state: 'attached' });
      await world.stop();
      await tab.getByText('The connection to the server is lost').waitFor();
      await world.stores.administration.invite(COMMAND_LINE, siteIdSchema.parse('meanwhile'), HOUR_MS);
      await world.start();
      await tab.getByText('The connection to the server is lost').waitFor({ state: 'detached' });
      await tab.getByText('meanwhile').first().waitFor();
      expect(problems).toEqual([]);
    });

    it('asks for the login again when the session is over, and goes on where it was', async () => {
      const { tab } = await world.visitAs('ada');
      await goTo(tab, '/plans');
      world.putClockForward(SESSION_MAX_MS + 60_000);
      await tab.getByRole('heading', { name: 'Log in' }).waitFor();
      await logIn(tab, 'ada');
      await tab.getByRole('heading', { name: 'Plans', level: 1 }).waitFor();
    });

    it('ends at once for who is removed', async () => {
      const { tab } = await world.visitAs('ben');
      await goTo(tab, '/sites');
      await tab.getByText('Live', { exact: true }).waitFor({ state: 'attached' });
      await world.stores.administration.removeUser(COMMAND_LINE, userNameSchema.parse('ben'));
      await tab.getByRole('heading', { name: 'Log in' }).waitFor();
      await tab.getByLabel('Name').fill('ben');
      await tab.getByLabel('Password').fill(PASSWORD);
      await tab.getByRole('button', { name: 'Log in' }).click();
      await tab.getByRole('alert').waitFor();
    });

    it('logs out in every tab of the browser', async () => {
      const { tab } = await world.visitAs('ada');
      const second = await tab.context().newPage();
      await second.goto(world.url);
      await second.getByRole('navigation', { name: 'Main' }).waitFor();
      await tab.getByRole('button', { name: 'Log out' }).click();
      await tab.getByRole('heading', { name: 'Log in' }).waitFor();
      await second.getByRole('heading', { name: 'Log in' }).waitFor();
    });
  },
);
