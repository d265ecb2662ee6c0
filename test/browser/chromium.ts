/** A real Chromium for tests: the one that CONSILIUM_CHROMIUM names, or the system's. */
import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const CANDIDATES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const given = process.env['CONSILIUM_CHROMIUM'];

export const chromiumPath = [...(given ? [given] : []), ...CANDIDATES].find((path) => existsSync(path));

export const CHROMIUM_REASON = 'no Chromium was found (set CONSILIUM_CHROMIUM to its path)';

export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    ...(chromiumPath === undefined ? {} : { executablePath: chromiumPath }),
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
  });
}
