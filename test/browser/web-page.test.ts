/** The exported page in a real browser: same answers as `consilium predict`, no request beyond its own files. */
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makePhantoms } from '../../shared/data/phantoms.ts';
import { readImageFile } from '../../shared/data/image-file.ts';
import { encodePng } from '../../shared/data/png.ts';
import { imageAt } from '../../shared/data/preprocess.ts';
import { openModel, type OpenedModel } from '../../simulations/predict/model-location.ts';
import { exportPage } from '../../simulations/web-page/export-page.ts';
import { CHROMIUM_REASON, chromiumPath, launchChromium } from './chromium.ts';

const MODEL = fileURLToPath(new URL('../vectors/explanations/phantom-cnn.onnx', import.meta.url));
const FILES = ['index.html', 'style.css', 'runtime.js', 'model.js', 'app.js'];
const TYPES: Readonly<Record<string, string>> = { html: 'text/html', css: 'text/css', js: 'text/javascript' };

/** Only the page's own files, with no header that would help it. */
function serveFolder(folder: string): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    const name = (request.url ?? '/').slice(1) || 'index.html';
    if (!FILES.includes(name)) {
      response.writeHead(404).end();
      return;
    }
    response.setHeader('content-type', TYPES[name.split('.')[1] ?? ''] ?? 'text/plain');
    response.end(readFileSync(join(folder, name)));
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      resolve({ server, url: `http://127.0.0.1:${String(port)}/` });
    });
  });
}

describe.skipIf(chromiumPath === undefined)(
  `exported page in Chromium (skipped where ${CHROMIUM_REASON})`,
  () => {
    let browser: Browser;
    let folder: string;
    let model: OpenedModel;
    let served: { server: Server; url: string };
    const page = (): string => join(folder, 'page');

    beforeAll(async () => {
      browser = await launchChromium();
      folder = await mkdtemp(join(tmpdir(), 'consilium-page-'));
      model = await openModel(MODEL, 'onnx');
      await exportPage(page(), model, { title: '<img src=x onerror=alert(1)>', abstainBelow: 0 });
      served = await serveFolder(page());
      await writeImages(folder);
    });
    afterAll(async () => {
      await browser.close();
      served.server.close();
      await model.classifier.dispose();
      await rm(folder, { recursive: true, force: true });
    });

    async function opened(url: string): Promise<{ tab: Page; requests: string[]; problems: string[] }> {
      const tab = await browser.newPage();
      const requests: string[] = [];
      const problems: string[] = [];
      tab.on('request', (request) => requests.push(request.url()));
      tab.on('pageerror', (error) => problems.push(error.message));
      tab.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
      });
      await tab.goto(url);
      await tab.locator('#status[data-state=ready]').waitFor();
      return { tab, requests, problems };
    }

    /** The page's probabilities, by class. */
    async function classified(tab: Page, file: string): Promise<ReadonlyMap<string, number>> {
      await tab.setInputFiles('#file', file);
      await tab.locator('#result').waitFor({ state: 'visible' });
      await tab.locator('#status[data-state=ready]').waitFor();
      const rows = await tab.locator('#rows tr').all();
      const entries = rows.map(async (row): Promise<[string, number]> => [
        await row.locator('th').innerText(),
        Number(await row.locator('td[data-probability]').getAttribute('data-probability')),
      ]);
      return new Map(await Promise.all(entries));
    }

    it('holds what it needs and nothing else', async () => {
      expect((await readdir(page())).sort()).toEqual([...FILES, 'NOTICE.txt'].sort());
    });

    it.each(['grey.png', 'large.png', 'colour.png', 'clear.png', 'tall.jpg', 'turned.jpg'])(
      '%s: the probabilities of predict, to 1e-4',
      async (name) => {
        const { tab, problems } = await opened(served.url);
        const shown = await classified(tab, join(folder, name));
        const { classifier } = model;
        const { probabilities } = await classifier.classify(
          classifier.prepare(await readImageFile(join(folder, name))),
        );
        classifier.file.description.classNames.forEach((label, c) => {
          expect(Math.abs((shown.get(label) ?? NaN) - (probabilities[c] ?? NaN))).toBeLessThan(1e-4);
        });
        expect(problems).toEqual([]);
        await tab.close();
      },
    );

    it.each(['from a server', 'from a folder'])('%s it asks for its own files only', async (how) => {
      const url = how === 'from a server' ? served.url : pathToFileURL(join(page(), 'index.html')).href;
      const { tab, requests, problems } = await opened(url);
      await classified(tab, join(folder, 'large.png'));
      await tab.locator('#explain').click();
      await tab.locator('#status', { hasText: 'Bright' }).waitFor();
      const base = how === 'from a server' ? served.url : `${pathToFileURL(page()).href}/`;
      const expected = FILES.map(
        (file) => `${base}${file === 'index.html' && base.startsWith('http') ? '' : file}`,
      );
      expect([...requests].sort()).toEqual(expected.sort());
      expect(problems).toEqual([]);
      await tab.close();
    });

    it('could send nothing if it wanted to, and runs no text that it is given', async () => {
      const { tab, requests } = await opened(served.url);
      const before = requests.length;
      const outcome = await tab.evaluate("fetch('https://example.org/').then(() => 'sent', () => 'refused')");
      expect(outcome).toBe('refused');
      expect(requests.slice(before).filter((url) => url.startsWith('http://127'))).toEqual([]);
      expect(await tab.title()).toContain('<img');
      expect(await tab.locator('img').count()).toBe(0);
      await tab.close();
    });

    it.each([
      ['broken.png', /no image/],
      ['deep.png', /16 bits/],
    ])('%s: says why it cannot be used', async (name, message) => {
      const { tab } = await opened(served.url);
      await tab.setInputFiles('#file', join(folder, name));
      await tab.locator('#status[data-state=error]').waitFor();
      expect(await tab.locator('#status').innerText()).toMatch(message);
      expect(await tab.locator('#result').isVisible()).toBe(false);
      await tab.close();
    });
  },
);

async function writeImages(folder: string): Promise<void> {
  const grey = imageAt(makePhantoms({ count: 1, seed: 7 }), 0);
  const large = imageAt(makePhantoms({ count: 1, seed: 8, size: 300 }), 0);
  const png = await encodePng(large);
  const rgb = new Uint8Array(200 * 150 * 3).map((_, i) => (i * 37 + Math.floor(i / 450) * 11) % 256);
  const colour = sharp(rgb, { raw: { width: 200, height: 150, channels: 3 } });
  await writeFile(join(folder, 'grey.png'), await encodePng(grey));
  await writeFile(join(folder, 'large.png'), png);
  await colour.clone().png().toFile(join(folder, 'colour.png'));
  await sharp(png)
    .toColourspace('srgb')
    .ensureAlpha(0)
    .composite([
      { input: { create: { width: 300, height: 150, channels: 4, background: '#fff' } }, top: 0, left: 0 },
    ])
    .png()
    .toFile(join(folder, 'clear.png'));
  await sharp(png).resize(180, 260, { fit: 'fill' }).jpeg({ quality: 95 }).toFile(join(folder, 'tall.jpg'));
  await sharp(png)
    .resize(180, 260, { fit: 'fill' })
    .withMetadata({ orientation: 6 })
    .jpeg({ quality: 95 })
    .toFile(join(folder, 'turned.jpg'));
  await writeFile(join(folder, 'broken.png'), 'no image');
  const deep = { ...grey, pixels: Uint16Array.from(grey.pixels, (value) => value * 257) };
  await writeFile(join(folder, 'deep.png'), await encodePng(deep));
}
