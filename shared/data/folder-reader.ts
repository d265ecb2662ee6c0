/** A folder with one sub-folder per class, images anywhere below it. Without a table each image is its own patient. */
import { readdir } from 'node:fs/promises';
import { basename, extname, join, relative, resolve } from 'node:path';
import { DataError } from '../errors.ts';
import {
  readCollection,
  type CollectionOptions,
  type ImageEntry,
  type LoadedDataset,
} from './image-collection.ts';
import { IMAGE_EXTENSIONS } from './image-file.ts';
import { dataErrorAt } from './data-error.ts';
import type { Rejection } from './quality.ts';

/** Hidden files and what file managers leave behind are not worth a line in the manifest. */
const isHidden = (name: string): boolean =>
  name.startsWith('.') || name === 'Thumbs.db' || name === '__MACOSX';

/** Regular files below a folder, sorted by path; links are not followed, since they may lead out of the folder. */
export async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => !isHidden(entry.name)).sort((a, b) => (a.name < b.name ? -1 : 1));
  const files: string[] = [];
  for (const entry of names) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) files.push(...(await filesBelow(path)));
    else if (entry.isFile()) files.push(path);
  }
  return files;
}

const isImageName = (file: string): boolean => IMAGE_EXTENSIONS.includes(extname(file).toLowerCase());

async function classFolders(folder: string): Promise<string[]> {
  let entries;
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    throw dataErrorAt(`the folder ${basename(folder)} cannot be read`, error);
  }
  return entries
    .filter((entry) => entry.isDirectory() && !isHidden(entry.name))
    .map((entry) => entry.name)
    .sort();
}

export interface FolderOptions extends CollectionOptions {
  /** Default `folder:` and the folder's name. */
  readonly name?: string;
  /** At most so many images of each class, the first by name; for quick looks. */
  readonly limitPerClass?: number;
}

/**
 * Reads a folder of class folders.
 * @throws DataError when the folder cannot be read, has fewer than two classes, or a class has no usable image.
 */
export async function readFolder(path: string, options: FolderOptions = {}): Promise<LoadedDataset> {
  const folder = resolve(path);
  const name = options.name ?? `folder:${basename(folder)}`;
  const classes = await classFolders(folder);
  if (classes.length < 2)
    throw new DataError(
      `${name}: ${String(classes.length)} sub-folder(s) found; put the images of each class into a sub-folder of its own, at least two`,
    );
  const entries: ImageEntry[] = [];
  const rejected: Rejection[] = [];
  for (const label of classes) {
    const files = await filesBelow(join(folder, label));
    const images = files.filter(isImageName);
    if (images.length === 0) throw new DataError(`${name}: class folder "${label}" holds no image`);
    for (const file of files.filter((other) => !isImageName(other)))
      rejected.push({
        file: relative(folder, file),
        reason: `not an image (${IMAGE_EXTENSIONS.join(', ')})`,
      });
    for (const image of images.slice(0, options.limitPerClass)) {
      const file = relative(folder, image);
      entries.push({ path: image, file, label, patient: file });
    }
  }
  return readCollection(name, entries, { classNames: classes, ...options, rejected });
}
