/**
 * What an administrator does in the browser from the first login to the model that is taken home, with a coordinator and
 * four agents as processes: every figure that the pages show comes from real rounds.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { joinFederation } from '../../../client/agent/join.ts';
import { COMMAND_LINE as AT_THE_SITE } from '../../../client/agent/second-person.ts';
import { approvePlan, federationOf } from '../../../client/agent/plan-decisions.ts';
import { openSiteFolder } from '../../../client/config.ts';
import { initCoordinator, type CoordinatorFolder } from '../../../coordinator/config.ts';
import { Passwords } from '../../../coordinator/people/password.ts';
import { COMMAND_LINE } from '../../../coordinator/storage/administration.ts';
import { openDatabase } from '../../../coordinator/storage/database.ts';
import { storesOf } from '../../../coordinator/storage/stores.ts';
import { userNameSchema } from '../../../coordinator/storage/user-store.ts';
import { systemClock } from '../../../shared/clock.ts';
import { hashPlan } from '../../../shared/protocol/plan.ts';
import { readModelFile } from '../../../shared/learning/graph/model-file.ts';
import { freePort } from '../../free-port.ts';
import { startConsilium } from '../../simulations/cli/run-consilium.ts';
import { CHROMIUM_REASON, chromiumPath, launchChromium } from '../chromium.ts';
import { goTo } from '../go-to.ts';
import { openWatched, type WatchedPage } from '../watched-page.ts';
import { logIn, PASSWORD } from './console-world.ts';

const NAMES = ['north', 'south', 'west', 'east'];
/** What the pages looked like at each step, to look at afterwards. */
const PICTURES = fileURLToPath(new URL('../../../screenshots/story', import.meta.url));
const ROUNDS = 40;
const PLAN = `task: { name: chest, classNames: [normal, nodule, effusion], imageDims: [1, 16, 16] }
preprocessing: { size: { height: 16, width: 16 } }
architecture: { name: cnn, options: { filters: [4], dense: 8 } }
training: { epochs: 1 }
federation: { strategy: fedavg, rounds: ${String(ROUNDS)}, minimumCohort: 3, minimumSurvivors: 3 }
protection: { mode: secure-aggregation, smallCohortAcknowledged: true }
evaluation: { localValidationFraction: 0.1 }
seed: 5
`;

/** Resolves once the program's log has this. */
function said({ child, ended }: ReturnType<typeof startConsilium>, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = '';
    child.stdout?.on('data', (data: Buffer) => {
      log += data.toString();
      if (log.includes(text)) resolve();
    });
    void ended.then(({ stderr }) => {
      reject(new Error(`the program ended before it said "${text}": ${stderr}`));
    });
  });
}

describe.skipIf(chromiumPath === undefined)(
  `an administrator’s day in Chromium (skipped where ${CHROMIUM_REASON})`,
  () => {
    let browser: Browser;
    let root: string;
    let folder: CoordinatorFolder;
    let visitor: WatchedPage;
    let tab: Page;
    const programs = new Map<string, ReturnType<typeof startConsilium>>();
    const siteFolder = (name: string): string => join(root, name);

    beforeAll(async () => {
      mkdirSync(PICTURES, { recursive: true });
      browser = await launchChromium();
      root = mkdtempSync(join(tmpdir(), 'consilium-story-'));
      const port = await freePort();
      folder = initCoordinator(join(root, 'coordinator'), {
        ...{ host: '127.0.0.1', port, url: `http://127.0.0.1:${String(port)}`, behindTlsProxy: false },
        validation: 'phantoms:5/5',
      });
      const database = await openDatabase(folder.database);
      await storesOf(database, folder, systemClock).administration.addUser(COMMAND_LINE, {
        ...{ name: userNameSchema.parse('ada'), role: 'administrator' },
        password: await new Passwords().hash(PASSWORD),
      });
      await database.destroy();
      const coordinator = startConsilium(['coordinator', 'start', '--dir', folder.path]);
      programs.set('coordinator', coordinator);
      await said(coordinator, 'listening');
      visitor = await openWatched(browser, folder.config.url, { acceptDownloads: true });
      tab = visitor.tab;
      await tab.goto(folder.config.url);
    });
    afterEach(async ({ task }) => {
      await tab.screenshot({
        path: join(PICTURES, `${task.name.replaceAll(/\W+/g, '-')}.png`),
        fullPage: true,
      });
    });
    afterAll(async () => {
      await browser.close();
      for (const { child } of programs.values()) child.kill('SIGKILL');
      await Promise.all([...programs.values()].map(({ ended }) => ended));
      rmSync(root, { recursive: true });
    });

    /** Invited in the browser, joined at the hospital, approved in the browser by its fingerprint. */
    async function enrol(name: string, index: number): Promise<void> {
      await goTo(tab, '/sites');
      await tab.getByRole('button', { name: 'Invite a site' }).first().click();
      await tab.getByLabel('Name of the site').fill(name);
      await tab.getByRole('button', { name: 'Make invitation' }).click();
      const invitation = tab.locator('.invitation');
      await invitation.waitFor();
      const [code = ''] = /consilium-invitation:[\w-]+/.exec((await invitation.textContent()) ?? '') ?? [];
      await tab.getByRole('button', { name: 'I have handed it over' }).click();
      const { fingerprint } = await joinFederation(siteFolder(name), code, {
        ...{ data: `phantoms:${String(index + 1)}/5`, minimumCohort: 3, acknowledgeSmallCohort: true },
      });
      await tab.getByRole('button', { name: `Approve ${name}` }).click();
      const dialog = tab.getByRole('dialog');
      expect(await dialog.locator('.fingerprint').textContent()).toBe(fingerprint);
      await dialog.getByRole('checkbox').check();
      await dialog.getByRole('button', { name: 'Approve site' }).click();
      await dialog.waitFor({ state: 'detached' });
    }

    async function approveAt(name: string): Promise<void> {
      const site = openSiteFolder(siteFolder(name));
      const { plans, roster } = await federationOf(site, systemClock);
      const [plan] = plans;
      if (!plan) throw new Error('the plan did not reach the site');
      expect(location(tab)).toContain(hashPlan(plan));
      await approvePlan({ folder: site, clock: systemClock, plan, roster, person: AT_THE_SITE });
    }

    const location = (page: Page): string => new URL(page.url()).hash;
    const roundsDone = async (): Promise<number> =>
      Number(/Rounds published\s*(\d+)/.exec((await tab.locator('main').textContent()) ?? '')?.[1] ?? 0);
    /** Waits for the page itself to say so, without being asked again. */
    const roundsReach = (least: number): Promise<unknown> =>
      tab.waitForFunction(
        (wanted) =>
          Number(
            /Rounds published\s*(\d+)/.exec(document.querySelector('main')?.textContent ?? '')?.[1] ?? 0,
          ) >= wanted,
        least,
        { timeout: 120_000 },
      );

    it('logs in and enrols four sites', async () => {
      await logIn(tab, 'ada');
      for (const [index, name] of NAMES.entries()) await enrol(name, index);
      for (const name of NAMES) {
        const agent = startConsilium(['site', 'start', '--no-page', '--dir', siteFolder(name)]);
        programs.set(name, agent);
      }
      await tab.getByText('4 online').waitFor({ timeout: 60_000 });
    }, 180_000);

    it('writes a plan that is checked while it is typed, and sites approve it', async () => {
      await goTo(tab, '/plans/new');
      await tab.getByRole('tab', { name: 'Text' }).click();
      const text = tab.getByLabel('Text of the plan');
      await text.fill(PLAN.replace('epochs: 1', 'epochs: none'));
      await tab.getByRole('button', { name: 'Add plan' }).and(tab.locator('[aria-disabled=true]')).waitFor();
      await text.fill(PLAN);
      await tab.getByText('learns to tell normal, nodule, effusion apart').first().waitFor();
      await tab.getByRole('button', { name: 'Add plan' }).and(tab.locator(':not([aria-disabled])')).click();
      await tab.waitForFunction(() => /^#\/plans\/[0-9a-f]{128}$/.test(document.location.hash));
      for (const name of NAMES) await approveAt(name);
    }, 120_000);

    it('watches rounds as they happen', async () => {
      await goTo(tab, '/runs');
      await tab.getByRole('button', { name: 'Add a run' }).first().click();
      await tab.getByLabel('Name of the run').fill('first');
      await tab.getByRole('button', { name: 'Add to the queue' }).click();
      await tab.getByRole('heading', { name: 'first', level: 1 }).waitFor();
      await roundsReach(2);
      const curve = tab.getByRole('group', { name: /^Scores by round\./ });
      await curve.locator('canvas').waitFor();
      await tab.evaluate(() => {
        const shifts: number[] = [];
        Object.assign(globalThis, { shifts });
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries())
            if ('value' in entry && 'hadRecentInput' in entry && entry.hadRecentInput === false)
              shifts.push(Number(entry.value));
        }).observe({ type: 'layout-shift', buffered: false });
      });
      const seen = await curve.screenshot();
      await roundsReach((await roundsDone()) + 2);
      const later = await curve.screenshot();
      expect(later.equals(seen)).toBe(false);
      const shifted: unknown = await tab.evaluate('shifts.reduce((sum, value) => sum + value, 0)');
      // Core Web Vitals: up to 0.1 is good.
      expect(shifted).toBeLessThan(0.1);
    }, 300_000);

    it('sees why a killed agent was dropped, while the run goes on', async () => {
      programs.get('east')?.child.kill('SIGKILL');
      await tab.getByRole('tab', { name: 'Sites' }).click();
      await tab
        .getByRole('table', { name: 'Sites of the run' })
        .getByRole('row', { name: /east/ })
        .getByText(/attempt \d+ in .*: \S+/)
        .waitFor({ timeout: 120_000 });
      await roundsReach((await roundsDone()) + 2);
    }, 300_000);

    it('pauses and resumes the run', async () => {
      await tab.getByRole('button', { name: 'Pause run first' }).click();
      await tab.getByRole('dialog').getByRole('button', { name: 'Pause run' }).click();
      await tab.getByRole('button', { name: 'Resume run first' }).click({ timeout: 120_000 });
      const before = await roundsDone();
      await tab.getByRole('dialog').getByRole('button', { name: 'Resume run' }).click();
      await roundsReach(before + 1);
    }, 300_000);

    it('takes a model home', async () => {
      await goTo(tab, '/models/first/1');
      const link = tab.getByRole('link', { name: /ONNX/ });
      const [download] = await Promise.all([tab.waitForEvent('download'), link.click()]);
      const { model } = readModelFile(readFileSync(await download.path()));
      expect(model.imageDims).toEqual([1, 16, 16]);
      expect(download.suggestedFilename()).toMatch(/\.onnx$/);
    }, 120_000);

    it('verifies the ledger', async () => {
      await goTo(tab, '/ledger');
      await tab.getByRole('button', { name: 'Verify now' }).click();
      await tab.getByText('The ledger is whole').waitFor();
      expect(visitor.problems).toEqual([]);
      expect(visitor.strangers).toEqual([]);
    });
  },
);
