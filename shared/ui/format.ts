/** Numbers, sizes and times as people read them: always with their unit, times always with their zone. */
import { formatEstimate } from '../format.ts';

const numbers = new Intl.NumberFormat('en');
const NONE = '–';

/** 12345 as `12,345`. */
export const count = (value: number): string => numbers.format(value);

/** `1 site`, `3 sites`. @param many default: `one` with an s */
export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

const BYTE_UNITS = ['kB', 'MB', 'GB', 'TB'] as const;

/** 1 530 000 as `1.53 MB`; decimal units (IEC 80000-13). @param value ≥ 0 */
export function bytes(value: number): string {
  if (value < 1000) return `${count(value)} B`;
  let [scaled, unit] = [value / 1000, 0];
  // From 999.5 on, three digits would read 1000.
  while (scaled >= 999.5 && unit < BYTE_UNITS.length - 1) [scaled, unit] = [scaled / 1000, unit + 1];
  const digits = scaled < 10 ? 2 : scaled < 100 ? 1 : 0;
  return `${scaled.toFixed(digits)} ${BYTE_UNITS[unit] ?? ''}`;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** 83 500 as `1 min 24 s`: the two largest units. @param ms ≥ 0 */
export function duration(ms: number): string {
  if (ms < SECOND) return `${String(Math.round(ms))} ms`;
  if (ms < 10 * SECOND) return `${(ms / SECOND).toFixed(1)} s`;
  const [seconds, minutes, hours] = [Math.round(ms / SECOND), Math.round(ms / MINUTE), Math.round(ms / HOUR)];
  if (seconds < 60) return `${String(seconds)} s`;
  if (seconds < 3600) return `${String(Math.floor(seconds / 60))} min ${String(seconds % 60)} s`;
  if (minutes < 24 * 60) return `${String(Math.floor(minutes / 60))} h ${String(minutes % 60)} min`;
  return `${counted(Math.floor(hours / 24), 'day')} ${String(hours % 24)} h`;
}

/** `3 minutes ago`, `in 2 days`; `just now` within ten seconds. */
export function relativeTime(atMs: number, nowMs: number): string {
  const distance = Math.abs(atMs - nowMs);
  if (distance < 10 * SECOND) return 'just now';
  const words =
    distance < MINUTE
      ? counted(Math.round(distance / SECOND), 'second')
      : distance < HOUR
        ? counted(Math.floor(distance / MINUTE), 'minute')
        : distance < DAY
          ? counted(Math.floor(distance / HOUR), 'hour')
          : counted(Math.floor(distance / DAY), 'day');
  return atMs < nowMs ? `${words} ago` : `in ${words}`;
}

export type TimeParts = 'minute' | 'second' | 'day';

/** `23 Nov 2026, 09:01 GMT+1`. @param timeZone default: the reader's */
export function dateTime(atMs: number, parts: TimeParts = 'minute', timeZone?: string): string {
  const day = { day: 'numeric', month: 'short', year: 'numeric' } as const;
  const time = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZoneName: 'short' } as const;
  return new Intl.DateTimeFormat('en-GB', {
    ...day,
    ...(parts !== 'day' && time),
    ...(parts === 'second' && { second: '2-digit' }),
    ...(timeZone !== undefined && { timeZone }),
  }).format(atMs);
}

/** .8349 as `83.5 %`. @param fraction 0…1 */
export const percent = (fraction: number, digits = 1): string => `${(100 * fraction).toFixed(digits)} %`;

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** A figure and its interval, as the reports write it: `0.835 (0.802–0.866)`. */
export function figure(value: number | undefined | null, interval?: Interval | null): string {
  if (value === undefined || value === null || !Number.isFinite(value)) return NONE;
  return formatEstimate({ value, ...(interval && { interval }) });
}

/** The beginning of a digest: enough to tell two apart at a glance, never to compare by. */
export const shortDigest = (digest: string, chars = 12): string =>
  digest.length > chars ? `${digest.slice(0, chars)}…` : digest;
