/** Two runs side by side, from folders as runs leave them. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { compareRuns } from '../../../simulations/compare/compare-runs.ts';
import { comparisonReport } from '../../../simulations/compare/comparison-report.ts';
import { comparisonJson, comparisonText } from '../../../simulations/compare/comparison-text.ts';
import { readRun } from '../../../simulations/compare/run-summary.ts';
import { renderReport } from '../../../simulations/report/render-report.ts';
import { runConsilium } from '../cli/run-consilium.ts';
import { exampleFederation, exampleTraining } from '../report/example-results.ts';

let root = '';
const folderOf = (name: string): string => join(root, name);

function leave(name: string, metrics: unknown, config: unknown): void {
  mkdirSync(folderOf(name));
  writeFileSync(join(folderOf(name), 'metrics.json'), JSON.stringify(metrics));
  writeFileSync(join(folderOf(name), 'config.json'), JSON.stringify(config));
}

const five = exampleFederation({ sites: 5 });
const better = {
  ...five.test.federated,
  metrics: {
    ...five.test.federated.metrics,
    accuracy: { value: 0.99, interval: { low: 0.985, high: 0.995 } },
  },
};
const settings = { strategy: { name: 'fedavg' }, rounds: 12, training: { filters: [4, 8] } };

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'consilium-compare-'));
  leave('first', five, settings);
  leave(
    'second',
    { ...five, test: { ...five.test, federated: better } },
    { ...settings, strategy: { name: 'fedprox', mu: 1 } },
  );
  leave('other seed', { ...five, seed: 8 }, settings);
  leave('central', exampleTraining({ seeds: [1, 2] }), { epochs: 20 });
  leave('damaged', { ...five, rounds: 'many' }, settings);
  mkdirSync(folderOf('study'));
  writeFileSync(join(folderOf('study'), 'study.json'), '{}');
});
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

const compare = async (a: string, b: string) =>
  compareRuns(await readRun(folderOf(a)), await readRun(folderOf(b)));

describe('a comparison', () => {
  it('names the settings that differ, and only those', async () => {
    const { settings: differing } = await compare('first', 'second');
    expect(differing).toEqual([
      { name: 'strategy.name', a: 'fedavg', b: 'fedprox' },
      { name: 'strategy.mu', b: '1' },
    ]);
  });

  it('has the figures of both, their difference, and a sentence', async () => {
    const { rows, headline, sameTest } = await compare('first', 'second');
    const accuracy = five.test.federated.metrics.accuracy;
    const row = rows.find(({ method, metric }) => method === 'Federated' && metric === 'accuracy');
    expect(row).toMatchObject({ a: accuracy, b: { value: 0.99 } });
    expect(row?.difference).toBeCloseTo(0.99 - (accuracy.value ?? NaN), 12);
    // What did not change differs by nothing.
    const pooled = rows.filter(({ method }) => method === 'Pooled');
    expect(pooled.length).toBeGreaterThan(10);
    expect(pooled.map(({ difference }) => difference ?? 0).every((difference) => difference === 0)).toBe(
      true,
    );
    expect(sameTest).toBe(true);
    expect(headline).toContain('the 95 % intervals do not overlap');
  });

  it('of a run with itself has nothing to say', async () => {
    const same = await compare('first', 'first');
    expect(same.settings).toEqual([]);
    expect(comparisonText(same)).toContain('the settings are the same');
    expect(same.rows.every(({ difference }) => difference === undefined || difference === 0)).toBe(true);
  });

  it('warns where the test images differ', async () => {
    const other = await compare('first', 'other seed');
    expect(other.headline).toContain('different images');
    expect(comparisonReport(other).notes.map(({ tone }) => tone)).toEqual(['warning']);
  });

  it('holds a federation against central training, whose value is the mean of its seeds', async () => {
    const { rows } = await compare('first', 'central');
    const row = rows.find(({ metric }) => metric === 'auc');
    expect(row?.method).toBe('Federated | Central, mean of 2 seeds');
    const values = exampleTraining({ seeds: [1, 2] }).seeds.map(({ test }) => test.metrics.auc.value ?? NaN);
    expect(row?.b.value).toBeCloseTo(values.reduce((a, b) => a + b) / 2, 12);
  });

  it.each([
    ['first', 'second'],
    ['first', 'central'],
    ['central', 'central'],
  ])('of %s and %s is a report without gaps', async (a, b) => {
    const html = renderReport(comparisonReport(await compare(a, b)));
    expect(html).toContain('Settings that differ');
    expect(html).not.toMatch(/NaN|undefined|Infinity|\[object/);
    expect(html.match(/<svg[^>]*role="img"/g)?.length).toBeGreaterThan(4);
  });

  it('as JSON holds figures and curves', async () => {
    const read = z
      .looseObject({
        a: z.looseObject({ curve: z.array(z.unknown()) }),
        rows: z.array(z.unknown()),
        headline: z.string(),
      })
      .parse(JSON.parse(comparisonJson(await compare('first', 'second'))));
    expect(read.a.curve).toHaveLength(12);
  });
});

describe('a folder that cannot be compared', () => {
  it.each([
    ['nowhere', 'metrics.json'],
    ['study', 'a study'],
    ['damaged', 'rounds'],
  ])('%s is refused with the reason', async (name, reason) => {
    await expect(readRun(folderOf(name))).rejects.toThrow(reason);
  });
});

describe('consilium report compare', () => {
  it('prints the comparison, writes the report, and overwrites none', async () => {
    const out = join(root, 'comparison.html');
    const args = ['report', 'compare', folderOf('first'), folderOf('second'), '--out', out] as const;
    const first = await runConsilium(...args);
    expect(first).toMatchObject({ exit: 0, stderr: '' });
    expect(first.stdout).toMatch(/strategy\.name +fedavg +fedprox/);
    expect(readFileSync(out, 'utf8')).toMatch(/^<!doctype html>/);
    const again = await runConsilium(...args);
    expect(again.exit).toBe(2);
    expect(again.stderr).toContain('exists already');
  });
});
