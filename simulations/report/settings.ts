/** Settings of any depth as a two-column table of dotted names. */
import { formatNumber } from '../../shared/format.ts';
import type { TableBlock } from './model.ts';
import type { Settings } from './result-types.ts';

export function settingsTable(caption: string, settings: Settings): TableBlock {
  return {
    kind: 'table',
    caption,
    columns: [
      { label: 'Setting', numeric: false },
      { label: 'Value', numeric: false },
    ],
    rows: flatSettings(settings).map(([name, value]) => [{ text: name }, { text: value }]),
  };
}

/** Dotted names and values as texts, in the order of the settings. */
export const flatSettings = (settings: unknown): [name: string, value: string][] => flatten(settings, '');

/** Lists of plain values stay on one line. */
function flatten(value: unknown, path: string): [string, string][] {
  if (value === undefined) return [];
  if (typeof value !== 'object' || value === null) return [[path, plain(value)]];
  if (Array.isArray(value) && value.every((entry) => typeof entry !== 'object' || entry === null)) {
    return [[path, value.map(plain).join(', ')]];
  }
  return Object.entries(value).flatMap(([name, entry]) =>
    flatten(entry, path === '' ? name : `${path}.${name}`),
  );
}

function plain(value: unknown): string {
  if (value === null) return 'none';
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : formatNumber(value);
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
