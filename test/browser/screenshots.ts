/**
 * `npm run screenshots`: pictures of every page of the console and of a site's own page, light and dark, wide and narrow,
 * in the folder `screenshots`. They show a demo federation that has trained for some rounds.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { InputError } from '../../shared/errors.ts';
import { runDemo, type DemoAddresses } from '../../simulations/demo/demo.ts';
import { CHROMIUM_REASON, chromiumPath, launchChromium } from './chromium.ts';
import { goTo } from './go-to.ts';

const FOLDER = fileURLToPath(new URL('../../screenshots', import.meta.url));
const ROUNDS_SEEN = 4;
const WIDTHS = [1280, 400];
const THEMES = ['light', 'dark'] as const;

/** Name of the picture and address of the page. */
type Shot = readonly [name: string, path: string];

const SITE: readonly Shot[] = [
  ['now', '/'],
  ['plans', '/plans'],
  ['receipts', '/receipts'],
  ['data', '/data'],
  ['benefit', '/benefit'],
  ['policy', '/policy'],
  ['ledger', '/ledger'],
];

async function consoleShots(tab: Page): Promise<Shot[]> {
  const planHash: unknown = await tab.evaluate(
    `fetch('/api/v1/plans').then((answer) => answer.json()).then(({ plans }) => plans[0].planHash)`,
  );
  return [
    ['overview', '/'],
    ['sites', '/sites'],
    ['site', '/sites/north'],
    ['plans', '/plans'],
    ['plan', `/plans/${String(planHash)}`],
    ['plan-editor', '/plans/new'],
    ['runs', '/runs'],
    ['run', '/runs/demo'],
    ['models', '/models'],
    ['model', '/models/demo/1'],
    ['comparison', '/models/compare/demo:1/demo:2'],
    ['ledger', '/ledger'],
    ['users', '/users'],
    ['settings', '/settings'],
  ];
}

async function shoot(tab: Page, place: string, shots: readonly Shot[]): Promise<void> {
  for (const theme of THEMES) {
    await tab.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
    for (const width of WIDTHS) {
      await tab.setViewportSize({ width, height: 900 });
      for (const [name, path] of shots) {
        await goTo(tab, path);
        await tab.waitForLoadState('networkidle');
        const file = join(FOLDER, `${place}-${name}-${theme}-${String(width)}.png`);
        await tab.screenshot({ path: file, fullPage: true });
        process.stdout.write(`${file}\n`);
      }
    }
  }
}

async function pictures(browser: Browser, { consoleUrl, users, sites }: DemoAddresses): Promise<void> {
  const tab = await (await browser.newContext()).newPage();
  await tab.goto(consoleUrl);
  await tab.screenshot({ path: join(FOLDER, 'console-login-light-1280.png') });
  const [administrator] = users;
  await tab.getByLabel('Name').fill(administrator?.name ?? '');
  await tab.getByLabel('Password').fill(administrator?.password ?? '');
  await tab.getByRole('button', { name: 'Log in' }).click();
  await tab.getByRole('heading', { name: 'Overview' }).waitFor();
  await goTo(tab, '/runs/demo');
  await tab.waitForFunction(
    (least) =>
      Number(/Rounds published\s*(\d+)/.exec(document.querySelector('main')?.textContent ?? '')?.[1] ?? 0) >=
      least,
    ROUNDS_SEEN,
    { timeout: 300_000 },
  );
  await shoot(tab, 'console', await consoleShots(tab));
  const own = await (await browser.newContext()).newPage();
  await own.goto(sites[0]?.pageUrl ?? '');
  await own.getByRole('navigation', { name: 'Main' }).waitFor();
  await shoot(own, 'site', SITE);
}

if (chromiumPath === undefined) throw new InputError(CHROMIUM_REASON);
rmSync(FOLDER, { recursive: true, force: true });
mkdirSync(FOLDER);
const browser = await launchChromium();
const controller = new AbortController();
try {
  await runDemo({
    ...{ port: 0, sites: 4, rounds: 200, signal: controller.signal },
    say: (line) => process.stdout.write(`${line}\n`),
    ready: (demo) => {
      pictures(browser, demo).then(
        () => {
          controller.abort();
        },
        (error: unknown) => {
          process.exitCode = 1;
          process.stderr.write(`${String(error)}\n`);
          controller.abort();
        },
      );
    },
  });
} finally {
  await browser.close();
}
