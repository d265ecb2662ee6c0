/**
 * Many image files into one dataset: headers first, so that size, depth and colour are settled before anything is
 * decoded, then bounded concurrent decoding. A file that cannot be used is one rejection, never a failed scan.
 */
import { basename } from 'node:path';
import { DataError, messageOf } from '../errors.ts';
import { DECODERS, mapBounded } from './bounded.ts';
import type { Dataset, SplitName } from './dataset.ts';
import { readImageFile, readImageHeader, type ImageHeader } from './image-file.ts';
import { qualityProblem, sizeProblem, type Rejection } from './quality.ts';
import type { Geometry, RawImage } from './resize.ts';
import { assertNoEmptyClass } from './select.ts';

/** What a table may say of an image besides label and patient, for subgroup metrics. Empty text: not known. */
export interface ImageAttributes {
  readonly sex?: string;
  readonly age?: string;
  readonly scanner?: string;
  /** Of the body: where the image shows. */
  readonly location?: string;
  readonly date?: string;
}

export interface ImageEntry {
  readonly path: string;
  /** For messages and the manifest, relative to the folder. */
  readonly file: string;
  readonly label: string;
  readonly patient: string;
  readonly site?: string;
  readonly split?: SplitName;
  readonly attributes?: ImageAttributes;
}

export interface CollectionProgress {
  readonly phase: 'headers' | 'pixels';
  readonly done: number;
  readonly total: number;
}

export interface CollectionOptions {
  /** Of all images; absent: their own, which must then be the same for all. */
  readonly size?: { readonly height: number; readonly width: number };
  /** Default 'pad'. */
  readonly fit?: Geometry['fit'];
  /** Absent: grey when all images are grey. */
  readonly channels?: 1 | 3;
  /** In the order of the labels; absent: the labels that occur, sorted. */
  readonly classNames?: readonly string[];
  readonly onProgress?: (progress: CollectionProgress) => void;
  readonly signal?: AbortSignal;
}

/** A dataset read from files. */
export interface LoadedDataset {
  readonly dataset: Dataset;
  /** Files that are not used, with reasons. */
  readonly rejected: readonly Rejection[];
  /** [count], where a table gave any. */
  readonly attributes?: readonly ImageAttributes[];
}

/** A progress callback at most every hundredth of the way: a call a file would cost more than it shows. */
function reporter(phase: CollectionProgress['phase'], total: number, options: CollectionOptions): () => void {
  const every = Math.max(1, Math.floor(total / 100));
  let done = 0;
  return () => {
    done++;
    if (done % every === 0 || done === total) options.onProgress?.({ phase, done, total });
  };
}

interface Probed {
  readonly entry: ImageEntry;
  readonly header: ImageHeader;
}

/** The reason alone: a rejection names the file itself. */
function reasonOf(error: unknown, entry: ImageEntry): string {
  return messageOf(error).replace(`${basename(entry.path)}: `, '');
}

async function probe(
  entries: readonly ImageEntry[],
  options: CollectionOptions,
  rejected: Rejection[],
): Promise<Probed[]> {
  const report = reporter('headers', entries.length, options);
  const probed = await mapBounded(entries, DECODERS, async (entry): Promise<Probed | Rejection> => {
    options.signal?.throwIfAborted();
    try {
      const header = await readImageHeader(entry.path);
      const reason = sizeProblem(header.width, header.height);
      return reason === undefined ? { entry, header } : { file: entry.file, reason };
    } catch (error) {
      return { file: entry.file, reason: reasonOf(error, entry) };
    } finally {
      report();
    }
  });
  rejected.push(...probed.filter((item) => 'reason' in item));
  return probed.filter((item) => 'header' in item);
}

function geometryOf(name: string, probed: readonly Probed[], options: CollectionOptions): Geometry {
  const fit = options.fit ?? 'pad';
  if (options.size) return { ...options.size, fit };
  const sizes = new Set(probed.map(({ header }) => `${String(header.width)}×${String(header.height)}`));
  const first = probed[0]?.header;
  if (!first) throw new DataError(`${name}: no usable image`);
  if (sizes.size > 1)
    throw new DataError(
      `${name}: the images have ${String(sizes.size)} different sizes (${[...sizes].slice(0, 4).join(', ')}…); choose one, such as 64×64`,
    );
  return { height: first.height, width: first.width, fit };
}

interface Decoded {
  readonly entry: ImageEntry;
  readonly image: RawImage;
}

async function decodeAll(
  probed: readonly Probed[],
  how: { geometry: Geometry; channels: 1 | 3; bits: 8 | 16 },
  options: CollectionOptions,
  rejected: Rejection[],
): Promise<Decoded[]> {
  const report = reporter('pixels', probed.length, options);
  const decoded = await mapBounded(probed, DECODERS, async ({ entry }): Promise<Decoded | Rejection> => {
    options.signal?.throwIfAborted();
    try {
      const image = await readImageFile(entry.path, how);
      const reason = qualityProblem(image.pixels);
      return reason === undefined ? { entry, image } : { file: entry.file, reason };
    } catch (error) {
      return { file: entry.file, reason: reasonOf(error, entry) };
    } finally {
      report();
    }
  });
  rejected.push(...decoded.filter((item) => 'reason' in item));
  return decoded.filter((item) => 'image' in item);
}

/** "nothing usable" needs its cause in the same message: the first reasons. */
function nothingUsable(name: string, rejected: readonly Rejection[]): DataError {
  const examples = rejected.slice(0, 3).map(({ file, reason }) => `${file}: ${reason}`);
  return new DataError(
    `${name}: none of ${String(rejected.length)} images can be used (${examples.join('; ')})`,
  );
}

function assemble(name: string, decoded: readonly Decoded[], options: CollectionOptions): Dataset {
  const first = decoded[0]?.image;
  if (!first) throw new DataError(`${name}: no usable image`);
  const { height, width, channels } = first;
  const size = height * width * channels;
  const length = decoded.length * size;
  const pixels = first.pixels instanceof Uint16Array ? new Uint16Array(length) : new Uint8Array(length);
  decoded.forEach(({ image }, i) => {
    pixels.set(image.pixels, i * size);
  });
  const entries = decoded.map(({ entry }) => entry);
  const classNames = options.classNames ?? [...new Set(entries.map(({ label }) => label))].sort();
  const labelOf = new Map(classNames.map((label, i) => [label, i]));
  const hasSites = entries.every(({ site }) => site !== undefined);
  const hasSplits = entries.every(({ split }) => split !== undefined);
  return {
    name,
    count: decoded.length,
    height,
    width,
    channels,
    pixels,
    labels: Int32Array.from(entries, ({ label }) => labelOf.get(label) ?? -1),
    classNames,
    patients: entries.map(({ patient }) => patient),
    ...(hasSites && { sites: entries.map(({ site }) => site ?? '') }),
    ...(hasSplits && { officialSplit: entries.map(({ split }) => split ?? 'train') }),
    synthetic: false,
  };
}

/**
 * Reads all entries. `rejected` already holds what the caller refused.
 * @throws DataError when nothing or a whole class is left, or sizes differ and none is asked for; an AbortError
 * when `signal` fires.
 */
export async function readCollection(
  name: string,
  entries: readonly ImageEntry[],
  options: CollectionOptions & { readonly rejected?: readonly Rejection[] } = {},
): Promise<LoadedDataset> {
  const rejected: Rejection[] = [...(options.rejected ?? [])];
  const known = options.classNames && new Set(options.classNames);
  const unknown = known && entries.find(({ label }) => !known.has(label));
  if (unknown)
    throw new DataError(
      `${name}: ${unknown.file} has class "${unknown.label}", which is none of ${[...known].join(', ')}`,
    );
  const probed = await probe(entries, options, rejected);
  if (probed.length === 0) throw nothingUsable(name, rejected);
  const geometry = geometryOf(name, probed, options);
  const channels = options.channels ?? (probed.every(({ header }) => header.grey) ? 1 : 3);
  const bits = probed.some(({ header }) => header.bits === 16) ? 16 : 8;
  const decoded = await decodeAll(probed, { geometry, channels, bits }, options, rejected);
  if (decoded.length === 0) throw nothingUsable(name, rejected);
  // A class all of whose files were rejected must not vanish from the list of classes.
  const classNames = options.classNames ?? [...new Set(entries.map(({ label }) => label))].sort();
  const dataset = assemble(name, decoded, { ...options, classNames });
  assertNoEmptyClass(dataset);
  const hasAttributes = decoded.some(({ entry }) => entry.attributes !== undefined);
  return {
    dataset,
    rejected,
    ...(hasAttributes && { attributes: decoded.map(({ entry }) => entry.attributes ?? {}) }),
  };
}
