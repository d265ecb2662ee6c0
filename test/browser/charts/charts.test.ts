/** The charts in a real browser under the pages' own policy: values under the pointer and by keyboard, files, both themes. */
import { createServer, type Server } from 'node:http';
import { readFile } from 'node:fs/promises';
import type { Browser, Download, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundlePage, type PageBundle } from '../../../shared/page-bundle.ts';
import { accessibilityFaults } from '../accessibility.ts';
import { CHROMIUM_REASON, chromiumPath, launchChromium } from '../chromium.ts';
import { openWatched, overflowsSideways, type WatchedPage } from '../watched-page.ts';

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'";

/** Of so many pixels one is looked at; no divisor of any width. */
const STRIDE = 37;

function serve({ files }: PageBundle): Promise<Server> {
  const server = createServer((request, response) => {
    const file = files.get(request.url === '/' ? '/index.html' : (request.url ?? ''));
    response.writeHead(file ? 200 : 404, {
      'content-type': file?.contentType ?? 'text/plain',
      'content-security-policy': POLICY,
    });
    response.end(file?.bytes);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      resolve(server);
    });
  });
}

describe.skipIf(chromiumPath === undefined)(`charts in Chromium (skipped where ${CHROMIUM_REASON})`, () => {
  let browser: Browser;
  let server: Server;
  let origin: string;
  let visit: WatchedPage;
  let tab: Page;
  beforeAll(async () => {
    browser = await launchChromium();
    server = await serve(await bundlePage({ entry: new URL('./gallery', import.meta.url), title: 'Charts' }));
    const address = server.address();
    origin = `http://127.0.0.1:${String(typeof address === 'object' ? address?.port : '')}`;
    visit = await openWatched(browser, origin, { acceptDownloads: true });
    tab = visit.tab;
    await tab.goto(origin);
    await chart('Loss').locator('canvas').waitFor();
  });
  afterAll(async () => {
    await visit.close();
    await browser.close();
    server.close();
  });

  const chart = (title: string) => tab.getByRole('figure', { name: title, exact: true });
  const saved = async (title: string, kind: 'PNG' | 'CSV'): Promise<Download> => {
    const [download] = await Promise.all([
      tab.waitForEvent('download'),
      chart(title)
        .getByRole('button', { name: `as ${kind}` })
        .click(),
    ]);
    return download;
  };
  const csv = async (title: string): Promise<string> =>
    readFile(await (await saved(title, 'CSV')).path(), 'utf8');
  const centre = async (title: string, selector: string): Promise<{ x: number; y: number }> => {
    const element = chart(title).locator(selector).first();
    await element.scrollIntoViewIfNeeded();
    const box = await element.boundingBox();
    if (!box) throw new Error(`${title} is not seen`);
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  };

  it('read values under the pointer and by keyboard', async () => {
    const loss = chart('Loss');
    await loss.getByText('Round 4 (last)').waitFor();
    await loss.getByText('0.25 (0.125 to 0.5)').waitFor();
    const at = await centre('Loss', '.u-over');
    await tab.mouse.move(at.x - 5, at.y);
    await loss.getByText('Round 2', { exact: true }).waitFor();
    await loss.getByText('0.5 (0.25 to 1)').waitFor();
    await tab.mouse.move(0, 0);
    await loss.getByRole('group', { name: /arrow keys/ }).focus();
    await tab.keyboard.press('ArrowLeft');
    await loss.getByText('Round 3', { exact: true }).waitFor();
  });

  it('grow while they are looked at, without moving anything', async () => {
    const before = await chart('Nothing').boundingBox();
    const canvas = await chart('Loss').locator('canvas').screenshot();
    await tab.getByRole('button', { name: 'One more round' }).click();
    await tab.mouse.move(0, 0);
    await chart('Loss')
      .getByRole('group', { name: /arrow keys/ })
      .blur();
    await chart('Loss').getByText('Round 5 (last)').waitFor();
    expect(await chart('Nothing').boundingBox()).toEqual(before);
    expect((await chart('Loss').locator('canvas').screenshot()).equals(canvas)).toBe(false);
  });

  it('hide a series, and draw a logarithmic axis', async () => {
    const loss = chart('Loss');
    const canvas = () => loss.locator('canvas').screenshot();
    const linear = await canvas();
    await loss.getByRole('button', { name: 'Log', exact: true }).click();
    const logarithmic = await canvas();
    expect(logarithmic.equals(linear)).toBe(false);
    await loss.getByRole('button', { name: /^training/ }).click();
    expect(await loss.getByRole('button', { name: /^training/ }).getAttribute('aria-pressed')).toBe('false');
    expect((await canvas()).equals(logarithmic)).toBe(false);
    await loss.getByRole('button', { name: /^training/ }).click();
    await loss.getByRole('button', { name: 'Linear' }).click();
    expect((await canvas()).equals(linear)).toBe(true);
  });

  it('are saved as CSV, names that a spreadsheet would run made harmless', async () => {
    const lines = (await csv('Loss')).trimEnd().split('\r\n');
    expect(lines[0]).toBe('Round,Series,Loss,Low (95 %),High (95 %)');
    expect(lines[1]).toBe('1,"<img src=x onerror=""stolen=1"">",1,0.5,2');
    expect(lines[2]).toBe('1,training,0.25,,');
    expect(await csv('Confusion matrix')).toContain('normal,90,10\r\n');
    expect(await csv('ROC curve')).toContain(',0.2,0.8\r\n');
    expect(await csv('Calibration')).toContain('model,0.8,0.75,70\r\n');
    expect(await csv('Accuracy by site')).toContain(',0.8,0.7,0.9\r\n');
    // Keys 5 s in each of 6 rounds; training 15 s in five of them, and 55 s in the one that goes on.
    expect(await csv('Timeline')).toContain('site-1,30,130\r\n');
  });

  it.each([
    'Loss',
    'Confusion matrix',
    'ROC curve',
    'Calibration',
    'Accuracy by site',
    'Images by class',
    'Timeline',
  ])('are saved as PNG: %s', async (title) => {
    const download = await saved(title, 'PNG');
    expect(download.suggestedFilename()).toMatch(/^[a-z]+\.png$/);
    const { data, info } = await sharp(await download.path())
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(info.width).toBeGreaterThan(300);
    // More than a surface with a title: the drawing has colours of its own.
    const colours = new Set<string>();
    const step = info.channels * STRIDE;
    for (let i = 0; i < data.length; i += step) colours.add(data.subarray(i, i + 3).toString('hex'));
    expect(colours.size).toBeGreaterThan(20);
  });

  it('show the point of a curve that is pointed at', async () => {
    const at = await centre('Calibration', 'circle');
    await tab.mouse.move(at.x + 3, at.y - 3);
    await chart('Calibration').getByText('0.800').waitFor();
    await chart('Calibration').getByText('70 images').waitFor();
  });

  it('give the same figures as a table', async () => {
    const roc = chart('ROC curve');
    await roc.getByText('Figures as a table').click();
    await roc.getByRole('cell', { name: '0.8', exact: true }).waitFor();
    expect(await roc.getByRole('row').count()).toBe(4);
  });

  it('keep two hundred sites out of the document, and reach each by keyboard', async () => {
    const timeline = chart('Timeline');
    expect(await timeline.locator('*').count()).toBeLessThan(60);
    await timeline.getByRole('group', { name: /arrow keys/ }).focus();
    for (let i = 0; i < 30; i++) await tab.keyboard.press('ArrowDown');
    await timeline.getByText(/site-30.*round 6.*Training: 55\.0 s, going on/).waitFor();
    expect(await timeline.locator('.chart-timeline').evaluate(({ scrollTop }) => scrollTop)).toBeGreaterThan(
      100,
    );
  });

  it.each(['light', 'dark'] as const)('can be used by everybody, %s', async (colorScheme) => {
    const other = await openWatched(browser, origin, { colorScheme, viewport: { width: 400, height: 800 } });
    await other.tab.goto(origin);
    await other.tab.locator('canvas').first().waitFor();
    expect(await accessibilityFaults(other.tab)).toEqual([]);
    expect(await overflowsSideways(other.tab)).toBe(false);
    expect(other.problems).toEqual([]);
    await other.close();
  });

  it('change with the theme while they are looked at', async () => {
    const light = await chart('Timeline').locator('canvas').screenshot();
    await tab.getByRole('button', { name: 'Dark', exact: true }).click();
    expect((await chart('Timeline').locator('canvas').screenshot()).equals(light)).toBe(false);
  });

  it('run nothing that stands in a name, and ask nobody', async () => {
    expect(await tab.evaluate(() => 'stolen' in globalThis)).toBe(false);
    expect(visit.problems).toEqual([]);
    expect(visit.strangers).toEqual([]);
  });
});
