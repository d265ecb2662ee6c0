/** The reports in a real browser: nothing is requested, nothing fails, nothing overflows, at both widths and in both themes. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareRuns } from '../../simulations/compare/compare-runs.ts';
import { comparisonReport } from '../../simulations/compare/comparison-report.ts';
import { federationReport } from '../../simulations/report/federation-report.ts';
import { renderReport } from '../../simulations/report/render-report.ts';
import { trainReport } from '../../simulations/report/train-report.ts';
import { exampleFederation, exampleTraining } from '../simulations/report/example-results.ts';
import { CHROMIUM_REASON, chromiumPath, launchChromium } from './chromium.ts';

const HOSTILE = '<img src=x onerror="document.title=\'owned\'">';

describe.skipIf(chromiumPath === undefined)(`reports in Chromium (skipped where ${CHROMIUM_REASON})`, () => {
  let browser: Browser;
  let folder: string;
  beforeAll(async () => {
    browser = await launchChromium();
    folder = await mkdtemp(join(tmpdir(), 'consilium-report-'));
  });
  afterAll(async () => {
    await browser.close();
    await rm(folder, { recursive: true, force: true });
  });

  const reports = {
    training: () => renderReport(trainReport({ ...exampleTraining({ seeds: [1, 2] }), title: HOSTILE })),
    comparison: () => {
      const run = {
        ...{ title: HOSTILE, unit: 'round' as const, main: 'Federated', testImages: '' },
        settings: new Map([[HOSTILE, HOSTILE]]),
        methods: [{ label: 'Federated', metrics: exampleFederation({ sites: 2 }).test.federated.metrics }],
        sites: [{ site: HOSTILE, accuracy: { value: 0.5, interval: { low: 0.4, high: 0.6 } } }],
        curve: [1, 2].map((step) => ({ step, values: { loss: step, auc: 0.5, accuracy: 0.5 } })),
        facts: [['Kept weights (SHA-512)', 'c0ffee'.repeat(20)] as const],
      };
      const other = { ...run, name: 'other', settings: new Map([[HOSTILE, 'other']]) };
      return renderReport(comparisonReport(compareRuns({ ...run, name: HOSTILE }, other)));
    },
    federation: () => renderReport(federationReport({ ...exampleFederation({ sites: 5 }), title: HOSTILE })),
  };

  for (const [name, html] of Object.entries(reports)) {
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [1280, 400]) {
        it(`${name}, ${colorScheme}, ${String(width)} px`, async () => {
          const file = join(folder, `${name}.html`);
          await writeFile(file, html());
          const page = await browser.newPage({ colorScheme, viewport: { width, height: 900 } });
          const requests: string[] = [];
          const problems: string[] = [];
          page.on('request', (request) => requests.push(request.url()));
          page.on('pageerror', (error) => problems.push(error.message));
          page.on('console', (message) => {
            if (message.type() === 'error') problems.push(message.text());
          });
          const url = pathToFileURL(file).href;
          await page.goto(url);
          expect(requests).toEqual([url]);
          expect(problems).toEqual([]);
          expect(await page.title()).toContain('<img');
          expect(await page.locator('img').count()).toBe(0);
          expect(await page.locator('svg[role="img"]').count()).toBeGreaterThan(2);
          const overflow = await page.evaluate(
            'document.documentElement.scrollWidth - document.documentElement.clientWidth',
          );
          expect(overflow).toBe(0);
          await page.close();
        });
      }
    }
  }
});
