/** What a run came to, its models, and the next version of its plan, in the browser of one and in that of another. */
import { readFile } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PlanHash } from '../../../shared/ids.ts';
import { accessibilityFaults } from '../accessibility.ts';
import { CHROMIUM_REASON, chromiumPath, launchChromium } from '../chromium.ts';
import { goTo } from '../go-to.ts';
import type { WatchedPage } from '../watched-page.ts';
import { consoleWorld, type ConsoleWorld } from './console-world.ts';
import { finishRun } from './run-past.ts';

describe.skipIf(chromiumPath === undefined)(
  `runs, models and plans in Chromium (skipped where ${CHROMIUM_REASON})`,
  () => {
    let browser: Browser;
    let world: ConsoleWorld;
    let planHash: PlanHash;
    let ada: WatchedPage;
    let olaf: WatchedPage;
    let tab: Page;
    beforeAll(async () => {
      browser = await launchChromium();
      world = await consoleWorld(browser);
      planHash = await finishRun(world.stores);
      ada = await world.visitAs('ada', { acceptDownloads: true });
      olaf = await world.visitAs('olaf');
      tab = ada.tab;
    });
    afterAll(async () => {
      await world.remove();
      await browser.close();
    });

    it('shows figures, curves and what is taken for what', async () => {
      await goTo(tab, '/runs/chest');
      await tab
        .getByRole('figure', { name: 'Scores by round' })
        .getByText('0.700 (0.600 to 0.800)')
        .waitFor();
      const matrix = tab.getByRole('figure', { name: 'Confusion matrix' });
      await matrix.getByRole('row', { name: /^left/ }).getByText('85.0').waitFor();
      await tab.getByRole('figure', { name: 'ROC curve' }).getByText('Positive class: right.').waitFor();
      expect(await accessibilityFaults(tab)).toEqual([]);
    });

    it('shows who was dropped and why, and where the time went', async () => {
      await tab.getByRole('tab', { name: 'Time and bytes' }).click();
      const timeline = tab.getByRole('figure', { name: 'Last attempts' });
      await timeline.getByRole('group', { name: /arrow keys/ }).focus();
      for (let i = 0; i < 3; i++) await tab.keyboard.press('ArrowDown');
      await timeline.getByText(/south.*round 2.*Training: 30\.0 s.*dropped: Too late/).waitFor();
      expect(await accessibilityFaults(tab)).toEqual([]);
      await tab.getByRole('tab', { name: 'Sites' }).click();
      await tab
        .getByRole('row', { name: /^south/ })
        .getByText(/2; last round 2/)
        .waitFor();
      await tab.getByRole('tab', { name: 'Events' }).click();
      await tab.getByRole('row', { name: /south/ }).first().waitFor();
    });

    it('promotes and rolls back, which others see at once', async () => {
      await goTo(olaf.tab, '/models');
      await olaf.tab.getByText('No model is in use').waitFor();
      for (const round of [1, 2]) {
        await goTo(tab, `/models/chest/${String(round)}`);
        await tab.getByRole('button', { name: 'Promote' }).click();
        await tab.getByRole('dialog').getByRole('button', { name: 'Promote' }).click();
        await olaf.tab
          .getByRole('link', { name: `chest, round ${String(round)}` })
          .first()
          .waitFor();
      }
      const mayNot = olaf.tab.getByRole('button', { name: 'Roll back' });
      expect(await mayNot.getAttribute('aria-disabled')).toBe('true');
      await goTo(tab, '/models');
      await tab.getByRole('button', { name: 'Roll back' }).click();
      await tab.getByRole('button', { name: 'Use chest, round 1 again' }).click();
      await tab.getByText('chest, round 1 is in use again').waitFor();
      await olaf.tab.getByText('History (3)').waitFor();
    });

    it('compares two models', async () => {
      await goTo(tab, '/models/compare/chest:1/chest:2');
      await tab
        .getByRole('row', { name: /^ROC AUC/ })
        .getByText('+0.100')
        .waitFor();
      await tab
        .getByRole('row', { name: /^Log loss/ })
        .getByText('B is better')
        .waitFor();
      await tab.getByText('Nothing is different.').waitFor();
    });

    it('hands out the card of a model', async () => {
      await goTo(tab, '/models/chest/2');
      const link = tab.getByRole('link', { name: 'Model card (Markdown)' });
      const [download] = await Promise.all([tab.waitForEvent('download'), link.click()]);
      expect(await readFile(await download.path(), 'utf8')).toContain('# Model card: two blobs');
      await tab.getByRole('tab', { name: 'Model card' }).click();
      await tab.getByRole('heading', { name: 'Model card: two blobs' }).waitFor();
    });

    it('writes the next version of a plan in a form, and says what is new and what is wrong', async () => {
      await goTo(tab, `/plans/new/${planHash}`);
      const rounds = tab.getByLabel('Rounds', { exact: true });
      await rounds.fill('0');
      await tab.getByRole('button', { name: /^line \d+$/ }).click();
      const text = tab.getByLabel('Text of the plan');
      const selected = await text.evaluate((area) =>
        area instanceof HTMLTextAreaElement
          ? area.value.slice(area.selectionStart, area.selectionEnd).trim()
          : '',
      );
      expect(selected).toBe('rounds: 0');
      await tab.getByRole('tab', { name: 'Main fields' }).click();
      await rounds.fill('7');
      await tab.getByText('federation, rounds: 7 (was 3)').waitFor();
      // What is written is still there after a look elsewhere.
      await goTo(tab, '/plans');
      await goTo(tab, `/plans/new/${planHash}`);
      expect(await rounds.inputValue()).toBe('7');
      await tab.getByText('7 rounds with at least 3 sites').waitFor();
      await tab.getByRole('button', { name: 'Add plan' }).click();
      await tab.getByText('federation, rounds: 7 (was 3)').waitFor();
    });

    it('removes a plan that nobody has used, never one that a run has', async () => {
      await tab.getByRole('button', { name: 'Remove' }).click();
      await tab.getByRole('button', { name: 'Remove plan' }).click();
      await tab.getByRole('heading', { name: 'Plans', level: 1 }).waitFor();
      await goTo(tab, `/plans/${planHash}`);
      expect(await tab.getByRole('button', { name: 'Remove' }).getAttribute('aria-disabled')).toBe('true');
      await goTo(olaf.tab, '/plans');
      expect(await olaf.tab.getByRole('link', { name: 'New plan' }).count()).toBe(0);
    });

    it('says so where the server has no longer what the page needs, and goes on elsewhere', async () => {
      const { tab: other } = await world.visitAs('ben');
      await other.route('**/assets/part-*', (route) => route.abort());
      await goTo(other, '/');
      await other.evaluate(() => {
        location.hash = '/models';
      });
      await other.getByText('This page could not be shown').waitFor();
      await other.getByRole('button', { name: 'Reload the page' }).waitFor();
      await goTo(other, '/');
      await other.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
    });

    it('breaks no rule of its own', () => {
      expect([...ada.problems, ...olaf.problems]).toEqual([]);
      expect([...ada.strangers, ...olaf.strangers]).toEqual([]);
    });
  },
);
