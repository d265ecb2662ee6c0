/** Moving between the views of a page of ours. */
import type { Page } from 'playwright-core';

/** As a click in the navigation would; resolves when what is there has been loaded. */
export async function goTo(tab: Page, path: string): Promise<void> {
  await tab.evaluate((to) => {
    location.hash = to;
  }, path);
  await tab.locator('main h1').waitFor();
  await tab
    .getByRole('status', { name: /^Loading/ })
    .first()
    .waitFor({ state: 'detached' });
}
