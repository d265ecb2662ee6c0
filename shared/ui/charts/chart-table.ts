/** The figures of a chart: for its CSV file, and to be read as a table. */
import type { CsvField } from '../../csv.ts';

export interface ChartTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly CsvField[])[];
}
