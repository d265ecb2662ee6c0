/** Rows for people, or as JSON. */
import { alignedRows } from '../report/text-table.ts';

export type TableRow = Readonly<Record<string, string | number>>;

/** Columns in the order of the first row's keys. */
export function printTable(rows: readonly TableRow[], { json }: { readonly json?: boolean }): void {
  process.stdout.write(json ? `${JSON.stringify(rows, undefined, 2)}\n` : `${tableText(rows)}\n`);
}

function tableText(rows: readonly TableRow[]): string {
  const [first] = rows;
  if (!first) return 'none';
  const names = Object.keys(first);
  return alignedRows([names, ...rows.map((row) => names.map((name) => String(row[name] ?? '')))]).join('\n');
}
