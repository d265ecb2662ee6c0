import { expect, it } from 'vitest';
import { descendants, parsePssBytes, parseStat } from './process-tree.ts';

it('reads parent and times behind a name with brackets and blanks', () => {
  const times = '120 30 7 2';
  const stat = `42 (a (b) c) S 7 42 42 0 -1 4194304 900 0 0 0 ${times} 20 0 1 0 100`;
  expect(parseStat(stat)).toEqual({ parent: 7, cpuMs: 1500 });
  expect(parseStat('42 (gone)')).toBeUndefined();
});

it('reads the proportional set size, and nothing of a process that is gone', () => {
  const rollup = '00400000-7ffd [rollup]\nRss:  9000 kB\nPss:        1234 kB\nPss_Anon:   1000 kB\n';
  expect(parsePssBytes(rollup)).toBe(1234 * 1024);
  expect(parsePssBytes('')).toBe(0);
});

it('finds grandchildren in whatever order they are listed, and keeps orphans that were known', () => {
  const parents = new Map([
    [5, 4],
    [4, 3],
    [3, 1],
    [9, 1],
    [8, 1],
    [10, 9],
  ]);
  expect([...descendants(new Set([3, 9]), parents)].sort((a, b) => a - b)).toEqual([3, 4, 5, 9, 10]);
});
