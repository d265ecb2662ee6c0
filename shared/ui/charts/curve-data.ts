/** Curves brought to one common axis, as uPlot takes them: x, then value, lower and upper end of each series. */
import type { ChartTable } from './chart-table.ts';

export interface CurvePoint {
  readonly x: number;
  /** Undefined: not measured. Not finite: diverged. Both are gaps. */
  readonly y: number | undefined;
  /** The ends of its interval. */
  readonly low?: number | undefined;
  readonly high?: number | undefined;
}

export interface CurveSeries {
  readonly name: string;
  /** In the order of x. */
  readonly points: readonly CurvePoint[];
}

type Column = (number | null)[];

export interface CurveData {
  readonly x: number[];
  /** For each series [value, low, high], each as long as x. */
  readonly columns: readonly (readonly [Column, Column, Column])[];
}

export interface CurveDataOptions {
  /** By name; these stay as gaps, so that the axis fits those that are shown. */
  readonly hidden: ReadonlySet<string>;
  /** A logarithm knows nothing at or below 0: such a value is a gap. */
  readonly isLog: boolean;
}

export function curveData(series: readonly CurveSeries[], { hidden, isLog }: CurveDataOptions): CurveData {
  const x = [...new Set(series.flatMap(({ points }) => points.map((point) => point.x)))].sort(
    (a, b) => a - b,
  );
  const place = new Map(x.map((value, i) => [value, i]));
  const drawn = (value: number | undefined): number | null =>
    value === undefined || !Number.isFinite(value) || (isLog && value <= 0) ? null : value;
  return {
    x,
    columns: series.map(({ name, points }) => {
      const empty = (): Column => x.map(() => null);
      const [value, low, high] = [empty(), empty(), empty()];
      for (const point of hidden.has(name) ? [] : points) {
        const i = place.get(point.x);
        if (i === undefined) continue;
        value[i] = drawn(point.y);
        low[i] = drawn(point.low);
        high[i] = drawn(point.high);
      }
      return [value, low, high];
    }),
  };
}

/** Whether there is anything to see on a logarithmic axis. */
export function hasPositive(series: readonly CurveSeries[]): boolean {
  return series.some(({ points }) => points.some(({ y }) => y !== undefined && Number.isFinite(y) && y > 0));
}

export function hasValues(series: readonly CurveSeries[]): boolean {
  return series.some(({ points }) => points.some(({ y }) => y !== undefined && Number.isFinite(y)));
}

/** One line a point and series, as statistics programs like it. */
export function curveTable(series: readonly CurveSeries[], x: string, y: string): ChartTable {
  return {
    columns: [x, 'Series', y, 'Low (95 %)', 'High (95 %)'],
    rows: series
      .flatMap(({ name, points }, order) => points.map((point) => ({ name, order, ...point })))
      .sort((a, b) => a.x - b.x || a.order - b.order)
      .map((point) => [point.x, point.name, point.y, point.low, point.high]),
  };
}
