/**
 * Tables as CSV (RFC 4180).
 *
 * Numbers are written so that they read back exactly. A text that a spreadsheet would run as a formula (it starts with
 * =, +, −, @ or a control character; OWASP, "CSV injection") gets an apostrophe in front: names of sites and classes
 * come from others.
 */
export type CsvField = string | number | undefined;

/** Header and rows; an undefined field stays empty. Lines end in CRLF. */
export function csvText(header: readonly string[], rows: readonly (readonly CsvField[])[]): string {
  return [header, ...rows].map((row) => `${row.map(csvField).join(',')}\r\n`).join('');
}

function csvField(field: CsvField): string {
  if (field === undefined) return '';
  if (typeof field === 'number') return Number.isFinite(field) ? String(field) : '';
  const safe = /^[=+\-@\t\r\n]/.test(field) ? `'${field}` : field;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
