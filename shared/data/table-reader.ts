/**
 * A table of labels (`labels.csv`, `.tsv`) beside images: one row an image with path, label and patient, and
 * optionally split, site, sex, age, scanner, location and date. Column names are matched without regard to case, by usual
 * names or a given mapping; a path may be the file's path below the folder, its name, or its name without extension.
 */
import { readFile, stat } from 'node:fs/promises';
import {
  basename,
  dirname,
  isAbsolute,
  normalize,
  parse as parsePath,
  relative,
  resolve,
  sep,
} from 'node:path';
import { parse } from 'csv-parse/sync';
import { z } from 'zod';
import { DataError } from '../errors.ts';
import type { SplitName } from './dataset.ts';
import { filesBelow } from './folder-reader.ts';
import {
  readCollection,
  type CollectionOptions,
  type ImageAttributes,
  type ImageEntry,
  type LoadedDataset,
} from './image-collection.ts';
import { dataErrorAt } from './data-error.ts';
import type { Rejection } from './quality.ts';

/** What each column may be called, the first match counts. */
const COLUMN_NAMES = {
  path: ['path', 'file', 'filename', 'file_name', 'image', 'image_path', 'image_id'],
  label: ['label', 'class', 'diagnosis', 'dx', 'target'],
  patient: ['patient', 'patient_id', 'patientid', 'subject', 'subject_id', 'lesion_id'],
  split: ['split', 'fold', 'subset'],
  site: ['site', 'hospital', 'center', 'centre', 'dataset'],
  sex: ['sex', 'gender'],
  age: ['age'],
  scanner: ['scanner', 'device', 'manufacturer'],
  location: ['localization', 'localisation', 'location', 'body_part', 'body_site', 'anatom_site_general'],
  date: ['date', 'study_date', 'acquisition_date'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type TableColumn = keyof typeof COLUMN_NAMES;
const TABLE_COLUMNS = [
  'path',
  'label',
  'patient',
  'split',
  'site',
  'sex',
  'age',
  'scanner',
  'location',
  'date',
] as const satisfies readonly TableColumn[];

export interface TableOptions extends CollectionOptions {
  /** Default `table:` and the file's name. */
  readonly name?: string;
  /** Folder of the images; default the table's. */
  readonly imageFolder?: string;
  /** Our column → the table's, for tables with other names. */
  readonly columns?: Partial<Readonly<Record<TableColumn, string>>>;
  /** Only so many rows from the start; for quick looks. */
  readonly limitRows?: number;
}

const SPLITS: Readonly<Record<string, SplitName>> = {
  train: 'train',
  training: 'train',
  val: 'validation',
  valid: 'validation',
  validation: 'validation',
  dev: 'validation',
  test: 'test',
  testing: 'test',
};

const MAX_TABLE_BYTES = 256 * 2 ** 20;
const rowsSchema = z.array(z.array(z.string()));

/** Comma, semicolon (spreadsheets in much of Europe) or tab: whichever the header has most of. */
function delimiterOf(text: string): string {
  const header = text.split('\n', 1)[0] ?? '';
  const count = (mark: string): number => header.split(mark).length;
  return [',', ';', '\t'].reduce((best, mark) => (count(mark) > count(best) ? mark : best));
}

async function readRows(path: string): Promise<string[][]> {
  try {
    const { size } = await stat(path);
    if (size > MAX_TABLE_BYTES)
      throw new DataError(`it has ${String(size)} bytes: too long for a table of labels`);
    const text = await readFile(path, 'utf8');
    const parsed: unknown = parse(text, {
      bom: true,
      delimiter: delimiterOf(text),
      skip_empty_lines: true,
      trim: true,
    });
    return rowsSchema.parse(parsed);
  } catch (error) {
    throw dataErrorAt(basename(path), error);
  }
}

type Positions = Readonly<Partial<Record<TableColumn, number>>>;

function columnPositions(header: readonly string[], options: TableOptions, place: string): Positions {
  const lower = header.map((name) => name.toLowerCase());
  const positions: Partial<Record<TableColumn, number>> = {};
  for (const column of TABLE_COLUMNS) {
    const given = options.columns?.[column]?.toLowerCase();
    const names: readonly string[] = given === undefined ? COLUMN_NAMES[column] : [given];
    const found = names.map((name) => lower.indexOf(name)).find((position) => position >= 0);
    if (found !== undefined) positions[column] = found;
    else if (given !== undefined || column === 'path' || column === 'label')
      throw new DataError(
        `${place}: no column for "${column}" (${names.join(', ')}); the table has ${header.join(', ')}: name it in the column mapping`,
      );
  }
  return positions;
}

/** Files by path, by name and by name without extension; several under one key are ambiguous. */
function indexFiles(folder: string, files: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const index = new Map<string, string[]>();
  for (const file of files) {
    const keys = new Set([relative(folder, file).split(sep).join('/'), basename(file), parsePath(file).name]);
    for (const key of keys) {
      // File systems and spreadsheets compose accents differently.
      const composed = key.normalize('NFC');
      const found = index.get(composed);
      if (found) found.push(file);
      else index.set(composed, [file]);
    }
  }
  return index;
}

type Found = { readonly path: string } | { readonly reason: string };

function findFile(wanted: string, folder: string, index: ReadonlyMap<string, readonly string[]>): Found {
  if (wanted === '') return { reason: 'no path in the table' };
  const local = isAbsolute(wanted) ? relative(folder, wanted) : normalize(wanted);
  if (local.startsWith('..') || isAbsolute(local))
    return { reason: 'the path leads out of the folder of the images' };
  const key = local.split(sep).join('/').replaceAll('\\', '/').normalize('NFC');
  const [path, ...others] = index.get(key) ?? [];
  if (path === undefined) return { reason: 'no such file below the folder of the images' };
  if (others.length > 0 && relative(folder, path) !== local)
    return { reason: `${String(others.length + 1)} files have this name; give the path below the folder` };
  return { path };
}

interface RowContext {
  readonly positions: Positions;
  readonly folder: string;
  readonly index: ReadonlyMap<string, readonly string[]>;
}

function attributesOf(cell: (column: TableColumn) => string | undefined): ImageAttributes | undefined {
  const pairs = (['sex', 'age', 'scanner', 'location', 'date'] as const).flatMap((column) => {
    const value = cell(column);
    return value === undefined ? [] : [[column, value] as const];
  });
  return pairs.length === 0 ? undefined : Object.fromEntries(pairs);
}

function readRow(row: readonly string[], context: RowContext): ImageEntry | Rejection {
  const cell = (column: TableColumn): string | undefined => {
    const position = context.positions[column];
    return position === undefined ? undefined : (row[position] ?? '');
  };
  const wanted = cell('path') ?? '';
  const file = wanted === '' ? '(no path)' : wanted;
  const label = cell('label') ?? '';
  const patient = cell('patient');
  const splitText = cell('split');
  const split = splitText === undefined ? undefined : SPLITS[splitText.toLowerCase()];
  const found = findFile(wanted, context.folder, context.index);
  if ('reason' in found) return { file, reason: found.reason };
  if (label === '') return { file, reason: 'no label in the table' };
  if (patient === '')
    return { file, reason: 'no patient in the table, so it cannot be kept on one side of a split' };
  if (splitText !== undefined && split === undefined)
    return { file, reason: `split "${splitText}" is none of train, validation, test` };
  const site = cell('site');
  const attributes = attributesOf(cell);
  return {
    path: found.path,
    file,
    label,
    patient: patient ?? file,
    ...(site !== undefined && { site: site === '' ? 'unknown' : site }),
    ...(split && { split }),
    ...(attributes && { attributes }),
  };
}

/** One row a file: repetitions are left out, and a file with two labels altogether. */
function withoutDuplicates(entries: readonly ImageEntry[], rejected: Rejection[]): ImageEntry[] {
  const byPath = new Map<string, ImageEntry[]>();
  for (const entry of entries) {
    const same = byPath.get(entry.path);
    if (same) same.push(entry);
    else byPath.set(entry.path, [entry]);
  }
  const kept: ImageEntry[] = [];
  for (const [first, ...others] of byPath.values()) {
    if (!first) continue;
    const labels = new Set([first, ...others].map(({ label }) => label));
    if (labels.size > 1) {
      rejected.push({ file: first.file, reason: `listed with different labels (${[...labels].join(', ')})` });
      continue;
    }
    kept.push(first);
    rejected.push(
      ...others.map(({ file }) => ({ file, reason: 'listed more than once; the first row counts' })),
    );
  }
  return kept;
}

/**
 * Reads a table of labels and its images.
 * @throws DataError when the table cannot be read, lacks a column, or leaves no usable image of a class.
 */
export async function readTable(path: string, options: TableOptions = {}): Promise<LoadedDataset> {
  const place = basename(path);
  const name = options.name ?? `table:${place}`;
  const folder = resolve(options.imageFolder ?? dirname(path));
  const [header, ...rows] = await readRows(path);
  if (!header || rows.length === 0) throw new DataError(`${place}: the table has no rows`);
  const positions = columnPositions(header, options, place);
  const context = { positions, folder, index: indexFiles(folder, await filesBelow(folder)) };
  const read = rows.slice(0, options.limitRows).map((row) => readRow(row, context));
  const rejected: Rejection[] = read.filter((item) => 'reason' in item);
  const entries = withoutDuplicates(
    read.filter((item) => 'path' in item),
    rejected,
  );
  if (entries.length === 0) {
    const examples = rejected.slice(0, 3).map(({ file, reason }) => `${file}: ${reason}`);
    throw new DataError(`${name}: none of ${String(rows.length)} rows can be used (${examples.join('; ')})`);
  }
  return readCollection(name, entries, { ...options, rejected });
}
