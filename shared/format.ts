/** Numbers as the report, the tables and people write them. */
import type { Estimate, Interval } from './learning/metrics/evaluation.ts';

/** What stands where a metric is undefined. */
export const UNDEFINED_TEXT = '–';

/** A metric: three decimals. */
export function formatMetric(value: number | undefined): string {
  return value === undefined ? UNDEFINED_TEXT : value.toFixed(3).replace('-', '−');
}

/** "0.812–0.871" */
export function formatInterval(interval: Interval | undefined): string {
  if (interval === undefined) return '';
  const separator = interval.low < 0 ? ' to ' : '–';
  return `${formatMetric(interval.low)}${separator}${formatMetric(interval.high)}`;
}

/** "0.843 (0.812–0.871)" */
export function formatEstimate({ value, interval }: Estimate): string {
  const text = formatMetric(value);
  return interval === undefined ? text : `${text} (${formatInterval(interval)})`;
}

/** Keeps a number and its unit on one line. */
export const NO_BREAK = '\u00a0';

/** A share as people say it: "84.7 %". */
export function formatPercent(share: number): string {
  return `${(100 * share).toFixed(1).replace('-', '−')}${NO_BREAK}%`;
}

/** A difference of shares in percentage points, with its sign: "+4.2 points". */
export function formatPoints(difference: number, unit = ' points'): string {
  const text = Math.abs(100 * difference).toFixed(1);
  const sign = Number(text) === 0 ? '±' : difference > 0 ? '+' : '−';
  return `${sign}${text}${unit}`;
}

/** A whole number with thousands separated. */
export function formatCount(count: number): string {
  return Math.round(count).toLocaleString('en');
}

/** "950 ms", "12.3 s", "4 min 05 s", "2 h 07 min" */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 999.5) return `${String(Math.round(milliseconds))} ms`;
  if (milliseconds < 59_950) return `${(milliseconds / 1000).toFixed(1)} s`;
  const seconds = Math.round(milliseconds / 1000);
  if (seconds < 3600) return `${String(Math.floor(seconds / 60))} min ${twoDigits(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${String(Math.floor(minutes / 60))} h ${twoDigits(minutes % 60)} min`;
}

const twoDigits = (value: number): string => String(value).padStart(2, '0');

/** Decimal units: "512 B", "1.5 MB". */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1)} ${units[unit] ?? ''}`;
}

/** Any small number with four significant digits, without trailing zeros. */
export function formatNumber(value: number): string {
  if (value === 0) return '0';
  return Math.abs(value) >= 1e-4 && Math.abs(value) < 1e6
    ? String(Number(value.toPrecision(4)))
    : value.toExponential(2);
}

/** "1 round", "12 rounds". */
export function counted(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}
