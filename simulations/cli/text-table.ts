/** Rows for people, or as JSON. */

export type TableRow = Readonly<Record<string, string | number>>;

/** Columns in the order of the first row's keys; the last one runs free. */
export function printTable(rows: readonly TableRow[], { json }: { readonly json?: boolean }): void {
  process.stdout.write(json ? `${JSON.stringify(rows, undefined, 2)}\n` : `${tableText(rows)}\n`);
}

export function tableText(rows: readonly TableRow[]): string {
  const [first] = rows;
  if (!first) return 'none';
  const names = Object.keys(first);
  const cells = [names, ...rows.map((row) => names.map((name) => String(row[name] ?? '')))];
  const widths = names.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
