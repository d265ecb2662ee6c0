/** Counts in rows and columns as shares, for shading and for reading. */
import type { ChartTable } from './chart-table.ts';

export interface HeatRow {
  /** Unique. */
  readonly label: string;
  /** One a column; undefined: not known. */
  readonly values: readonly (number | undefined)[];
}

/** What a cell's shade is a share of: its row's sum, or the greatest of all cells. */
export type ShadeBy = 'row' | 'greatest';

/** 0…1 for each cell; 0 where there is nothing to be a share of. */
export function shades(rows: readonly HeatRow[], by: ShadeBy): number[][] {
  const greatest = rows.reduce(
    (most, { values }) => values.reduce<number>((a, b) => Math.max(a, b ?? 0), most),
    0,
  );
  return rows.map(({ values }) => {
    const whole = by === 'greatest' ? greatest : values.reduce<number>((sum, value) => sum + (value ?? 0), 0);
    return values.map((value) => (whole > 0 && value !== undefined ? value / whole : 0));
  });
}

export function heatTable(
  rowTitle: string,
  columns: readonly string[],
  rows: readonly HeatRow[],
): ChartTable {
  return {
    columns: [rowTitle, ...columns],
    rows: rows.map(({ label, values }) => [label, ...columns.map((_, i) => values[i])]),
  };
}
