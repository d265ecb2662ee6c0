import { describe, expect, it } from 'vitest';
import {
  summariseStudy,
  summaryCsv,
  summaryTable,
  type RunFigures,
} from '../../../simulations/study/summary.ts';

const figures = (federated: number, local: number): RunFigures => ({
  finalDigest: '',
  bestRound: 1,
  methods: [
    { label: 'Federated', metrics: { auc: federated } },
    { label: 'Local only', metrics: { auc: local } },
  ],
});

describe('several seeds', () => {
  const rows = summariseStudy([
    { label: 'sites=3', runs: [figures(0.9, 0.8), figures(0.8, 0.6), figures(0.7, 0.4)] },
  ]);
  const row = (method: string) => rows.find((r) => r.method === method && r.metric === 'auc');

  it('have a mean and a standard deviation for each method', () => {
    expect(row('Federated')?.summary.mean).toBeCloseTo(0.8, 12);
    expect(row('Federated')?.summary.standardDeviation).toBeCloseTo(0.1, 12);
    expect(row('Local only')?.summary.standardDeviation).toBeCloseTo(0.2, 12);
    expect(row('Federated')?.advantage).toBeUndefined();
  });

  it('are compared in pairs: differences .1, .2, .3 have mean .2 and half-width 4.3027·.1/√3', () => {
    const advantage = row('Local only')?.advantage;
    expect(advantage?.difference).toBeCloseTo(0.2, 12);
    expect(advantage?.interval.high).toBeCloseTo(0.2 + (4.302653 * 0.1) / Math.sqrt(3), 5);
  });

  it('are written as a table and as CSV, a missing metric as nothing', () => {
    expect(summaryTable(rows)).toContain('0.800 ± 0.100');
    const lines = summaryCsv(rows).trim().split('\r\n');
    expect(lines).toHaveLength(1 + 2 * 3);
    expect(lines[1]).toBe('sites=3,Federated,accuracy,0,,,,,,,,');
    expect(lines.find((line) => line.startsWith('sites=3,Local only,auc,3,'))).toMatch(/,0\.2/);
  });

  it('of which one alone has no deviation and no difference', () => {
    const [first] = summariseStudy([{ label: '', runs: [figures(0.9, 0.8)] }]).filter(
      ({ metric }) => metric === 'auc',
    );
    expect(first?.summary).toEqual({ count: 1, mean: 0.9 });
  });
});
