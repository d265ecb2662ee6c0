/** What is to be classified: image files, folders of them, arrays in .npz files. */
import { stat } from 'node:fs/promises';
import { basename, extname, join, relative } from 'node:path';
import { DataError, InputError, messageOf } from '../../shared/errors.ts';
import { filesBelow } from '../../shared/data/folder-reader.ts';
import { IMAGE_EXTENSIONS, readImageFile } from '../../shared/data/image-file.ts';
import { imageBlock } from '../../shared/data/medmnist-layout.ts';
import { readNpz, type Npz } from '../../shared/data/npz.ts';
import type { RawImage } from '../../shared/data/resize.ts';

export interface InputImage {
  /** As results name it: the path as given, or "file.npz#12". */
  readonly name: string;
  /** @throws DataError when this one image cannot be used */
  load(): Promise<RawImage>;
}

/** Arrays that are looked for in this order where none is named. */
const USUAL_ARRAYS = ['images', 'test_images', 'x_test', 'x'];

/**
 * Every image of the given paths, in their order; folders sorted by path.
 * @param array of .npz files; absent: a usual name
 * @throws InputError when a path is not there, is of no known kind, or a folder holds no image
 */
export async function collectInputs(paths: readonly string[], array?: string): Promise<InputImage[]> {
  const inputs: InputImage[] = [];
  for (const path of paths) inputs.push(...(await inputsAt(path, array)));
  return inputs;
}

async function inputsAt(path: string, array: string | undefined): Promise<InputImage[]> {
  let isFolder: boolean;
  try {
    isFolder = (await stat(path)).isDirectory();
  } catch (cause) {
    throw new InputError(`${path} cannot be read: ${messageOf(cause)}`, { cause });
  }
  if (isFolder) return folderInputs(path);
  if (extname(path).toLowerCase() === '.npz') return arrayInputs(path, array);
  return [fileInput(path)];
}

const fileInput = (path: string, name = path): InputImage => ({ name, load: () => readImageFile(path) });

async function folderInputs(folder: string): Promise<InputImage[]> {
  const files = (await filesBelow(folder)).filter((file) =>
    IMAGE_EXTENSIONS.includes(extname(file).toLowerCase()),
  );
  if (files.length === 0) throw new InputError(`${folder} holds no image (${IMAGE_EXTENSIONS.join(', ')})`);
  return files.map((file) => fileInput(file, join(folder, relative(folder, file))));
}

function arrayNameOf(npz: Npz, path: string, wanted: string | undefined): string {
  const name = wanted ?? USUAL_ARRAYS.find((usual) => npz.has(usual));
  if (name !== undefined && npz.has(name)) return name;
  const asked = wanted === undefined ? `none of ${USUAL_ARRAYS.join(', ')}` : `no "${wanted}"`;
  throw new InputError(`${path} has ${asked}; choose with --array: ${[...npz.keys()].join(', ')}`);
}

async function arrayInputs(path: string, wanted: string | undefined): Promise<InputImage[]> {
  const npz = await readNpz(path);
  const block = imageBlock(npz, basename(path), arrayNameOf(npz, path, wanted));
  const { count, height, width, channels, pixels } = block;
  const size = height * width * channels;
  if (pixels.length !== count * size) throw new DataError(`${basename(path)}: the array is incomplete`);
  return Array.from({ length: count }, (_, i) => ({
    name: `${path}#${String(i)}`,
    load: () =>
      Promise.resolve({ height, width, channels, pixels: pixels.subarray(i * size, (i + 1) * size) }),
  }));
}
