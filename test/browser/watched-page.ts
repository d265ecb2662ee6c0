/** A page whose faults are collected: errors, refusals of its security policy, requests to anybody else. */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';

export interface WatchedPage {
  readonly tab: Page;
  /** Exceptions, console errors and warnings, in words. */
  readonly problems: string[];
  /** Addresses outside the server that were asked for. */
  readonly strangers: string[];
  close(): Promise<void>;
}

/** Answers of the API that a page handles are no faults of its; the browser logs them all the same. */
const HANDLED = /^Failed to load resource: the server responded with a status of (401|403|404|409|422|429)/;
/** While a server is away. */
const UNREACHABLE =
  /ERR_CONNECTION_REFUSED|WebSocket connection to .* failed|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/;

/** @param origin all that may be asked */
export async function openWatched(
  browser: Browser,
  origin: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const tab = await context.newPage();
  const problems: string[] = [];
  const strangers: string[] = [];
  tab.on('request', (request) => {
    const url = new URL(request.url());
    if (url.origin !== origin && !['data:', 'blob:'].includes(url.protocol)) strangers.push(request.url());
  });
  tab.on('pageerror', (error) => problems.push(error.message));
  tab.on('console', (message) => {
    const text = message.text();
    if (!['error', 'warning'].includes(message.type())) return;
    if (!HANDLED.test(text) && !UNREACHABLE.test(text)) problems.push(text);
  });
  return { tab, problems, strangers, close: () => context.close() };
}

/** Whether the page is wider than the window. */
export const overflowsSideways = (tab: Page): Promise<boolean> =>
  tab.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth);
