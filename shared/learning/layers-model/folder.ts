/**
 * LayersModel files on disk. What is read may be hostile: weight files must be ordinary files in the folder of model.json
 * itself (no other folder, no link that leads out of it), and no more is read than the manifest and the limits allow.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, realpath, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { GraphError, InputError, messageOf } from '../../errors.ts';
import { quoted } from '../graph/onnx-limits.ts';
import { DEFAULT_LAYERS_MODEL_LIMITS } from './limits.ts';
import { parseModelJson } from './model-json.ts';
import { readLayersModel, type LayersModel, type ReadLayersModelOptions } from './read-layers-model.ts';
import { groupSizes, shardPaths } from './weight-files.ts';
import type { WrittenLayersModel } from './write-layers-model.ts';

/** A device or pipe with the name of a weights file must not hold the reader up. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK;

/**
 * A whole ordinary file.
 * @throws GraphError when it is none, or larger than `mostBytes`
 */
async function readBounded(path: string, mostBytes: number): Promise<Uint8Array> {
  const file = await open(path, OPEN_FLAGS);
  try {
    const info = await file.stat();
    if (!info.isFile()) throw new GraphError(`${path} is no ordinary file.`);
    if (info.size > mostBytes)
      throw new GraphError(
        `${path} has ${String(info.size)} bytes; at most ${String(mostBytes)} are expected.`,
      );
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** The file in `folder` (a real path) of that name. @throws GraphError when a link leads out of the folder */
async function inside(folder: string, name: string): Promise<string> {
  const path = await realpath(join(folder, name));
  if (dirname(path) !== folder)
    throw new GraphError(`The weights file ${quoted(name)} is a link out of its folder.`);
  return path;
}

/**
 * @param path of model.json
 * @returns the model, and the SHA-512 of model.json and the weight files one after the other (128 hexadecimal digits)
 * @throws InputError when a file cannot be opened; GraphError when the model cannot be used
 */
export async function readLayersModelFile(
  path: string,
  options: ReadLayersModelOptions = {},
): Promise<LayersModel & { readonly sha512: string }> {
  const limits = options.limits ?? DEFAULT_LAYERS_MODEL_LIMITS;
  try {
    const json = await readBounded(path, limits.jsonBytes);
    const { weightsManifest } = parseModelJson(json, limits);
    const names = shardPaths(weightsManifest, limits);
    let left = groupSizes(weightsManifest, limits).reduce((sum, size) => sum + size, 0);
    const folder = await realpath(dirname(path));
    const weights = new Map<string, Uint8Array>();
    for (const name of names) {
      const bytes = await readBounded(await inside(folder, name), left);
      left -= bytes.length;
      weights.set(name, bytes);
    }
    const hash = createHash('sha512').update(json);
    for (const bytes of weights.values()) hash.update(bytes);
    return { ...readLayersModel({ json, weights }, options), sha512: hash.digest('hex') };
  } catch (error) {
    if (error instanceof GraphError) throw new GraphError(`${path}: ${error.message}`, { cause: error });
    throw new InputError(`${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

/** Makes the folder where it is absent and writes the files into it. */
export async function writeLayersModelFolder(folder: string, model: WrittenLayersModel): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, bytes] of model.files) await writeFile(join(folder, name), bytes);
}
