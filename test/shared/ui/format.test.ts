import { describe, expect, it } from 'vitest';
import {
  bytes,
  count,
  counted,
  dateTime,
  duration,
  figure,
  percent,
  relativeTime,
  shortDigest,
} from '../../../shared/ui/format.ts';

describe('numbers', () => {
  it('groups digits and agrees in number', () => {
    expect(count(12345)).toBe('12,345');
    expect(counted(1, 'site')).toBe('1 site');
    expect(counted(0, 'site')).toBe('0 sites');
    expect(counted(2, 'entry', 'entries')).toBe('2 entries');
  });

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [1_530_000, '1.53 MB'],
    [99_940_000, '99.9 MB'],
    // Three digits of the larger unit, never 1000 of the smaller.
    [999_600, '1.00 MB'],
    [123_456_789, '123 MB'],
    [5e15, '5000 TB'],
  ])('%d bytes are %s', (value, text) => {
    expect(bytes(value)).toBe(text);
  });

  it('writes figures as the reports do', () => {
    expect(figure(0.8349)).toBe('0.835');
    expect(figure(0.8349, { low: 0.8, high: 1 })).toBe('0.835 (0.800–1.000)');
    expect(figure(-0.25)).toBe('−0.250');
    expect(figure(null)).toBe('–');
    expect(figure(NaN)).toBe('–');
    expect(percent(0.8349)).toBe('83.5 %');
  });
});

describe('times', () => {
  it.each([
    [0, '0 ms'],
    [999, '999 ms'],
    [1000, '1.0 s'],
    [10_000, '10 s'],
    [59_600, '1 min 0 s'],
    [83_500, '1 min 24 s'],
    [3_599_700, '1 h 0 min'],
    [9_000_000, '2 h 30 min'],
    [86_400_000, '1 day 0 h'],
    [200_000_000, '2 days 8 h'],
  ])('%d ms last %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  it.each([
    [9000, 'just now'],
    [-30_000, '30 seconds ago'],
    [-3 * 60_000, '3 minutes ago'],
    [2 * 3_600_000, 'in 2 hours'],
    [-86_400_000, '1 day ago'],
  ])('%d ms from now is %s', (distance, text) => {
    expect(relativeTime(1e12 + distance, 1e12)).toBe(text);
  });

  it('names the zone', () => {
    const at = Date.UTC(2026, 10, 23, 8, 1, 5);
    expect(dateTime(at, 'minute', 'UTC')).toBe('23 Nov 2026, 08:01 UTC');
    expect(dateTime(at, 'second', 'Europe/Zurich')).toMatch(/^23 Nov 2026, 09:01:05 (CET|GMT\+1)$/);
    expect(dateTime(at, 'day', 'UTC')).toBe('23 Nov 2026');
  });
});

it('shortens digests and nothing else', () => {
  expect(shortDigest('a'.repeat(128), 4)).toBe('aaaa…');
  expect(shortDigest('abcd', 4)).toBe('abcd');
});
