import { afterEach, describe, expect, it, vi } from 'vitest';
import { finishBench, judgeRow, median, renderBench, type BenchReport } from './bench-report.ts';

const REPORT: BenchReport = {
  title: 'Speed',
  rows: [
    { name: 'fast', samples: [3, 1, 2], unit: 'ms', digits: 1, bar: { atMost: 2 } },
    { name: 'plain', samples: [5] },
  ],
  skipped: [{ name: 'other', reason: 'absent' }],
};

describe('a benchmark report', () => {
  it('takes the median, the mean of the middle two for an even count', () => {
    expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
  });

  it.each([
    [{ atLeast: 2 }, 'median', 'met'],
    [{ atLeast: 2.1 }, 'median', 'missed'],
    [{ atMost: 3.9 }, 'mean', 'missed'],
    [{ atMost: 1 }, 'minimum', 'met'],
    [{ atLeast: 9 }, 'maximum', 'met'],
  ] as const)('holds a statistic against %j (%s): %s', (bar, statistic, verdict) => {
    expect(judgeRow({ name: 'x', samples: [9, 1, 2], bar, statistic }).verdict).toBe(verdict);
  });

  it('misses its bar when nothing was measured', () => {
    expect(judgeRow({ name: 'x', samples: [], bar: { atMost: 1 } }).verdict).toBe('missed');
    expect(judgeRow({ name: 'x', samples: [NaN], bar: { atLeast: 0 } }).verdict).toBe('missed');
  });

  it('shows values, bars, samples and what did not run', () => {
    const text = renderBench(REPORT);
    expect(text).toMatch(/fast +2\.0 ms \(median\) +≤ 2\.0 +met +3\.0 {2}1\.0 {2}2\.0/);
    expect(text).toMatch(/plain +5\.000\n/);
    expect(text).toContain('NOT RUN  other: absent');
  });
});

describe('the end of a benchmark', () => {
  const before = process.exitCode;
  afterEach(() => {
    process.exitCode = before;
    vi.restoreAllMocks();
  });

  function finish(report: BenchReport): { exitCode: typeof process.exitCode; text: string } {
    let text = '';
    vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
      text += String(chunk);
      return true;
    });
    process.exitCode = undefined;
    finishBench(report, { json: true });
    return { exitCode: process.exitCode, text };
  }

  it('is code 1 exactly when a bar is missed; the JSON says which', () => {
    expect(finish(REPORT).exitCode).toBeUndefined();
    const { exitCode, text } = finish({
      ...REPORT,
      rows: [{ name: 'slow', samples: [3], bar: { atMost: 2 } }],
    });
    expect(exitCode).toBe(1);
    expect(JSON.parse(text)).toMatchObject({ rows: [{ name: 'slow', value: 3, verdict: 'missed' }] });
  });
});
