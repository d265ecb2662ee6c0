/**
 * Datasets in .npz files, in two layouts:
 * - MedMNIST's (Yang et al. 2023, §Data Records): `{train,val,test}_images` [n, H, W] or [n, H, W, 3] and
 *   `{train,val,test}_labels` [n, 1], with official splits;
 * - one `images` and `labels`, with optional `site`, and `patient` or `lesion`.
 * Names of classes and sites come from the caller, a `meta.json` beside the file, or the table of MedMNIST sets.
 */
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { DataError } from '../errors.ts';
import type { Dataset, SplitName } from './dataset.ts';
import { MEDMNIST_CLASSES, medmnistNameOfFile } from './medmnist-names.ts';
import { dataErrorAt } from './data-error.ts';
import type { NpyArray, NumericNpy } from './npy.ts';
import { readNpz, type Npz } from './npz.ts';
import { assertNoEmptyClass } from './select.ts';

export interface NpzDatasetNames {
  /** The dataset's name, for people. */
  readonly name: string;
  /** The file's name, for messages. */
  readonly file: string;
  /** In the order of the label values. */
  readonly classNames?: readonly string[] | undefined;
  /** In the order of the values of `site`. */
  readonly siteNames?: readonly string[] | undefined;
}

export interface ImageBlock {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly pixels: Uint8Array | Uint16Array;
}

/** Widest side of an image in an array file; beyond it a shape is a mistake rather than a picture. */
const MAX_SIDE = 8192;

function arrayNamed(npz: Npz, file: string, name: string): NpyArray {
  const array = npz.get(name);
  if (!array)
    throw new DataError(`${file}: array "${name}" is missing; the file holds ${[...npz.keys()].join(', ')}`);
  return array;
}

function isPixels(data: NumericNpy['data']): data is Uint8Array | Uint16Array {
  return data instanceof Uint8Array || data instanceof Uint16Array;
}

/** The images of one array. @throws DataError naming file and array. */
export function imageBlock(npz: Npz, file: string, name: string): ImageBlock {
  const place = `${file}, array "${name}"`;
  const array = arrayNamed(npz, file, name);
  if (array.kind !== 'numeric' || array.dtype === 'bool' || !isPixels(array.data))
    throw new DataError(
      `${place}: images must be unsigned integers of 8 or 16 bits (uint8, uint16), not ${array.kind === 'text' ? 'text' : array.dtype}`,
    );
  const [count = 0, height = 0, width = 0, channels = 1] = array.shape;
  const rank = array.shape.length;
  if (rank < 3 || rank > 4 || (channels !== 1 && channels !== 3))
    throw new DataError(
      `${place}: shape (${array.shape.join(', ')}) is not [images, height, width] or [images, height, width, 1 or 3]`,
    );
  if (height < 1 || width < 1 || height > MAX_SIDE || width > MAX_SIDE)
    throw new DataError(`${place}: images of ${String(width)}×${String(height)} pixels are not supported`);
  return { count, height, width, channels, pixels: array.data };
}

/** One value an image, from an array [n] or [n, 1]. */
function column(npz: Npz, file: string, name: string, count: number): readonly (number | string)[] {
  const array = arrayNamed(npz, file, name);
  const [rows = 0, columns = 1] = array.shape;
  const place = `${file}, array "${name}"`;
  if (array.shape.length === 2 && columns > 1)
    throw new DataError(
      `${place}: ${String(columns)} labels an image (multi-label) are not supported; choose a set with one label an image`,
    );
  if (array.shape.length < 1 || array.shape.length > 2 || rows !== count)
    throw new DataError(
      `${place}: shape (${array.shape.join(', ')}) does not give one value to each of ${String(count)} images`,
    );
  return Array.from<number | string>(array.data);
}

interface Named {
  readonly values: Int32Array;
  readonly names: readonly string[];
}

/** Values 0…k−1 with the names given for them, or texts with their sorted distinct values as names. */
function named(
  values: readonly (number | string)[],
  given: readonly string[] | undefined,
  options: { place: string; noun: string },
): Named {
  if (values.some((value) => typeof value === 'string')) {
    const names = given ?? [...new Set(values.map(String))].sort();
    const index = new Map(names.map((name, i) => [name, i]));
    const found = values.map((value) => index.get(String(value)) ?? -1);
    const unknown = found.indexOf(-1);
    if (unknown >= 0)
      throw new DataError(`${options.place}: "${String(values[unknown])}" is none of ${names.join(', ')}`);
    return { values: Int32Array.from(found), names };
  }
  const numbers = values.map(Number);
  const bad = numbers.find((value) => !Number.isInteger(value) || value < 0 || value > 9999);
  if (bad !== undefined)
    throw new DataError(`${options.place}: ${String(bad)} is no ${options.noun} number (0, 1, 2 …)`);
  const highest = numbers.reduce((a, b) => Math.max(a, b), 0);
  const names = given ?? Array.from({ length: highest + 1 }, (_, i) => `${options.noun} ${String(i)}`);
  if (highest >= names.length)
    throw new DataError(
      `${options.place}: ${options.noun} number ${String(highest)}, but only ${String(names.length)} names are known`,
    );
  return { values: Int32Array.from(numbers), names };
}

/** MedMNIST's names of the three parts, and ours. */
const PARTS: readonly (readonly [string, SplitName])[] = [
  ['train', 'train'],
  ['val', 'validation'],
  ['test', 'test'],
];

function joinBlocks(blocks: readonly ImageBlock[], file: string): ImageBlock {
  const [first] = blocks;
  if (!first) throw new DataError(`${file}: no images`);
  for (const block of blocks)
    if (
      block.height !== first.height ||
      block.width !== first.width ||
      block.channels !== first.channels ||
      block.pixels.constructor !== first.pixels.constructor
    )
      throw new DataError(`${file}: the images of train, val and test differ in size or type`);
  const length = blocks.reduce((sum, block) => sum + block.pixels.length, 0);
  const pixels = first.pixels instanceof Uint16Array ? new Uint16Array(length) : new Uint8Array(length);
  let offset = 0;
  for (const block of blocks) {
    pixels.set(block.pixels, offset);
    offset += block.pixels.length;
  }
  return { ...first, count: blocks.reduce((sum, block) => sum + block.count, 0), pixels };
}

function fromMedmnist(npz: Npz, names: NpzDatasetNames): Dataset {
  const { file } = names;
  const parts = PARTS.map(([prefix, split]) => {
    const block = imageBlock(npz, file, `${prefix}_images`);
    return { block, split, labels: column(npz, file, `${prefix}_labels`, block.count) };
  });
  const joined = joinBlocks(
    parts.map((part) => part.block),
    file,
  );
  const labels = named(
    parts.flatMap((part) => part.labels),
    names.classNames,
    { place: `${file}, labels`, noun: 'class' },
  );
  return {
    name: names.name,
    ...joined,
    labels: labels.values,
    classNames: labels.names,
    patients: Array.from({ length: joined.count }, (_, i) => `image ${String(i)}`),
    officialSplit: parts.flatMap((part) => Array<SplitName>(part.block.count).fill(part.split)),
    synthetic: false,
  };
}

function fromImagesAndLabels(npz: Npz, names: NpzDatasetNames): Dataset {
  const { file } = names;
  const block = imageBlock(npz, file, 'images');
  const labels = named(column(npz, file, 'labels', block.count), names.classNames, {
    place: `${file}, array "labels"`,
    noun: 'class',
  });
  const groupName = ['patient', 'patients', 'lesion'].find((name) => npz.has(name));
  const siteName = ['site', 'sites'].find((name) => npz.has(name));
  const groups = groupName === undefined ? undefined : column(npz, file, groupName, block.count);
  const sites =
    siteName === undefined
      ? undefined
      : named(column(npz, file, siteName, block.count), names.siteNames, {
          place: `${file}, array "${siteName}"`,
          noun: 'site',
        });
  return {
    name: names.name,
    ...block,
    labels: labels.values,
    classNames: labels.names,
    patients: Array.from({ length: block.count }, (_, i) =>
      groups === undefined ? `image ${String(i)}` : String(groups[i]),
    ),
    ...(sites && { sites: Array.from(sites.values, (site) => sites.names[site] ?? '') }),
    synthetic: false,
  };
}

/**
 * The dataset that the arrays of one .npz file hold, in either layout.
 * @throws DataError naming the file, the array and the reason.
 */
export function datasetFromNpz(npz: Npz, names: NpzDatasetNames): Dataset {
  const dataset = npz.has('train_images') ? fromMedmnist(npz, names) : fromImagesAndLabels(npz, names);
  if (dataset.count === 0) throw new DataError(`${names.file}: no images`);
  assertNoEmptyClass(dataset);
  return dataset;
}

const MAX_META_BYTES = 16 * 2 ** 20;
/** Other keys may stand there; only these two are read. */
const metaSchema = z.object({
  classes: z.array(z.string().min(1).max(200)).min(2).max(10_000).optional(),
  sites: z.array(z.string().min(1).max(200)).max(10_000).optional(),
});

async function readMeta(path: string): Promise<z.infer<typeof metaSchema>> {
  if (!existsSync(path)) return {};
  try {
    if ((await stat(path)).size > MAX_META_BYTES) throw new DataError('the file is too large');
    const parsed: unknown = JSON.parse(await readFile(path, 'utf8'));
    return metaSchema.parse(parsed);
  } catch (error) {
    const reason = error instanceof z.ZodError ? new DataError(z.prettifyError(error)) : error;
    throw dataErrorAt(`${basename(path)} (names of classes and sites)`, reason);
  }
}

export interface ReadNpzOptions {
  /** Default `npz:` and the file's name. */
  readonly name?: string;
  readonly classNames?: readonly string[];
}

/** Reads a dataset from an .npz file. @throws DataError naming the file, the array and the reason. */
export async function readNpzDataset(path: string, options: ReadNpzOptions = {}): Promise<Dataset> {
  const file = basename(path);
  const npz = await readNpz(path);
  const meta = await readMeta(join(dirname(path), 'meta.json'));
  const known = medmnistNameOfFile(file);
  const isMedmnist = npz.has('train_images');
  return datasetFromNpz(npz, {
    name: options.name ?? `npz:${file}`,
    file,
    classNames:
      options.classNames ?? (isMedmnist && known !== undefined ? MEDMNIST_CLASSES[known] : meta.classes),
    siteNames: meta.sites,
  });
}
