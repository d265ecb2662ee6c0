/** What axe-core finds in a page: WCAG 2.2 A and AA. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { z } from 'zod';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

const violationsSchema = z.array(
  z.object({ id: z.string(), impact: z.string().nullable(), nodes: z.array(z.string()) }),
);

/** Serious and critical findings, each with the elements, in words. */
export async function accessibilityFaults(tab: Page): Promise<string[]> {
  // Evaluated by the browser's debugger, which the page's own policy does not bind.
  const found: unknown = await tab.evaluate(`(async () => {
    ${AXE}
    const { violations } = await axe.run(document, { runOnly: ${JSON.stringify(TAGS)} });
    return violations.map(({ id, impact, nodes }) => ({
      id, impact: impact ?? null,
      nodes: nodes.map(({ html, any }) => html.slice(0, 160) + ' ' + (any[0]?.message ?? '')),
    }));
  })()`);
  return violationsSchema
    .parse(found)
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.join(' | ')}`);
}
