/** Data that lies on this machine, by one word: `folder:/data/x-ray`, `table:/data/labels.csv`, `npz:/data/images.npz`. */
import { resolve } from 'node:path';
import { InputError } from '../errors.ts';
import type { Dataset } from './dataset.ts';
import { readFolder, type FolderOptions } from './folder-reader.ts';
import type { ImageAttributes } from './image-collection.ts';
import { readNpzDataset } from './medmnist-layout.ts';
import { makePhantoms } from './phantoms.ts';
import { applyQualityGate, type Rejection } from './quality.ts';
import { selectImages } from './select.ts';
import { readTable, type TableColumn } from './table-reader.ts';

export const LOCAL_FORMS = ['folder:<directory>', 'table:<labels.csv>', 'npz:<file>'] as const;

export interface LocalOptions extends FolderOptions {
  /** Tables: our column → the table's. */
  readonly columns?: Partial<Readonly<Record<TableColumn, string>>>;
}

export interface LocalDataset {
  readonly dataset: Dataset;
  /** Images that are not used, with reasons. */
  readonly rejected: readonly Rejection[];
  /** [count], where a table gave sex, age, scanner, location or date. */
  readonly attributes?: readonly ImageAttributes[];
}

/** The same source with a relative path taken from `folder`. */
export function sourceFrom(folder: string, source: string): string {
  const [, kind, path = ''] = /^(folder|table|npz):(.+)$/.exec(source) ?? [];
  return kind === undefined ? source : `${kind}:${resolve(folder, path)}`;
}

/** One virtual hospital's phantoms, for trying things out: `phantoms:2/3` is the second of three. */
function openPhantoms(part: string, { size }: LocalOptions): LocalDataset | undefined {
  const [, site = 0, sites = 0] = (/^(\d{1,2})\/(\d{1,2})$/.exec(part) ?? []).map(Number);
  if (site < 1 || site > sites) return undefined;
  const dataset = makePhantoms({ seed: 0, sites, ...(size && { size: size.height }) });
  const names = [...new Set(dataset.sites)].sort();
  const indices = Array.from(dataset.labels.keys()).filter((i) => dataset.sites?.[i] === names[site - 1]);
  return { dataset: selectImages(dataset, indices), rejected: [] };
}

/** @throws InputError for another form; DataError when the data cannot be used */
export async function openLocal(source: string, options: LocalOptions = {}): Promise<LocalDataset> {
  const [, kind, path = ''] = /^([a-z]+):(.+)$/.exec(source) ?? [];
  const phantoms = kind === 'phantoms' ? openPhantoms(path, options) : undefined;
  if (phantoms) return phantoms;
  if (kind === 'folder') return readFolder(path, options);
  if (kind === 'table') return readTable(path, options);
  if (kind === 'npz') return applyQualityGate(await readNpzDataset(path));
  throw new InputError(
    `"${source}" names no data on this machine; give ${LOCAL_FORMS.join(', ')}, or phantoms:1/3 to try it out`,
  );
}
