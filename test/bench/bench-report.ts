/**
 * What every benchmark prints and how it ends: a table of figures against their bars, or JSON, and an exit code that is
 * not 0 when a bar is missed.
 */
import { cpus } from 'node:os';

/** Which figure of the samples is held against the bar. */
export type Statistic = 'median' | 'mean' | 'minimum' | 'maximum';

export interface BenchRow {
  readonly name: string;
  /** Repeated measurements, at least one. */
  readonly samples: readonly number[];
  /** Default: the median. */
  readonly statistic?: Statistic;
  /** For people: "images/s", "ms", "×". */
  readonly unit?: string;
  /** Decimals in the table; default 3. */
  readonly digits?: number;
  /** Absent: the row informs and cannot fail. */
  readonly bar?: { readonly atLeast: number } | { readonly atMost: number };
}

/** A part of the benchmark that did not run. */
export interface Skipped {
  readonly name: string;
  readonly reason: string;
}

export interface BenchReport {
  readonly title: string;
  readonly rows: readonly BenchRow[];
  readonly skipped?: readonly Skipped[];
  /** What the figures depend on, beside the machine: versions, engine, device. */
  readonly environment?: Readonly<Record<string, string>>;
}

export type Verdict = 'met' | 'missed' | 'no bar';

export interface JudgedRow extends BenchRow {
  readonly value: number;
  readonly verdict: Verdict;
}

/** Of at least one number. The mean of the two middle ones where their count is even. */
export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

function statisticOf(samples: readonly number[], statistic: Statistic): number {
  switch (statistic) {
    case 'median':
      return median(samples);
    case 'mean':
      return samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
    case 'minimum':
      return Math.min(...samples);
    case 'maximum':
      return Math.max(...samples);
  }
}

/** A value that is no number (nothing was measured) misses every bar. */
export function judgeRow(row: BenchRow): JudgedRow {
  const value = row.samples.length === 0 ? NaN : statisticOf(row.samples, row.statistic ?? 'median');
  if (row.bar === undefined) return { ...row, value, verdict: 'no bar' };
  const met = 'atLeast' in row.bar ? value >= row.bar.atLeast : value <= row.bar.atMost;
  return { ...row, value, verdict: met ? 'met' : 'missed' };
}

const HEADER = ['', 'value', 'bar', '', 'samples'] as const;

function cellsOf(row: JudgedRow): readonly string[] {
  const number = (value: number): string => value.toFixed(row.digits ?? 3);
  const unit = row.unit === undefined ? '' : ` ${row.unit}`;
  const several = row.samples.length > 1;
  return [
    row.name,
    `${number(row.value)}${unit}${several ? ` (${row.statistic ?? 'median'})` : ''}`,
    row.bar === undefined
      ? ''
      : 'atLeast' in row.bar
        ? `≥ ${number(row.bar.atLeast)}`
        : `≤ ${number(row.bar.atMost)}`,
    row.verdict === 'no bar' ? '' : row.verdict === 'met' ? 'met' : 'MISSED',
    several ? row.samples.map(number).join('  ') : '',
  ];
}

/** The table, as text that ends in a line break. */
export function renderBench(report: BenchReport): string {
  const lines = [HEADER, ...report.rows.map((row) => cellsOf(judgeRow(row)))];
  const widths = HEADER.map((_, column) => Math.max(...lines.map((cells) => (cells[column] ?? '').length)));
  const table = lines.map((cells) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const skipped = (report.skipped ?? []).map(({ name, reason }) => `NOT RUN  ${name}: ${reason}`);
  const environment = Object.entries(machine(report)).map(([name, value]) => `${name}: ${value}`);
  return [report.title, environment.join('; '), '', ...table, ...skipped, ''].join('\n');
}

function machine(report: BenchReport): Record<string, string> {
  const [cpu] = cpus();
  return {
    node: process.version,
    cpu: `${cpu?.model ?? 'unknown'}, ${String(cpus().length)} cores`,
    ...report.environment,
  };
}

/** Prints the report on standard output, as a table or as JSON, and sets the exit code to 1 when a bar is missed. */
export function finishBench(report: BenchReport, options: { readonly json: boolean }): void {
  const rows = report.rows.map(judgeRow);
  const json = { ...report, environment: machine(report), rows };
  process.stdout.write(options.json ? `${JSON.stringify(json, null, 2)}\n` : renderBench(report));
  if (rows.some(({ verdict }) => verdict === 'missed')) process.exitCode = 1;
}
