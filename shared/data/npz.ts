/**
 * Several arrays in one file: NumPy's .npz, a zip archive of .npy members (`numpy.savez`, `savez_compressed`).
 * Untrusted input: declared sizes are summed before anything is inflated, and every member's CRC-32 is checked
 * (ZIP: PKWARE APPNOTE 6.3, §4.3.12 central directory, §4.3.16 its end).
 */
import { readFile, stat, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { crc32 } from 'node:zlib';
import { unzipSync, zipSync } from 'fflate';
import { DataError, messageOf } from '../errors.ts';
import { dataErrorAt } from './data-error.ts';
import { formatNpy } from './npy-writer.ts';
import { parseNpy, type NpyArray } from './npy.ts';

export interface NpzLimits {
  /** Of the file itself. Node reads at most 2 GiB at once. */
  readonly fileBytes: number;
  /** Of all members together once inflated. */
  readonly inflatedBytes: number;
  readonly members: number;
}

export const DEFAULT_NPZ_LIMITS: NpzLimits = {
  fileBytes: 2 ** 31 - 1,
  inflatedBytes: 4 * 2 ** 30,
  members: 256,
};

export type Npz = ReadonlyMap<string, NpyArray>;

const END_OF_DIRECTORY = 0x0605_4b50;
const DIRECTORY_ENTRY = 0x0201_4b50;
const END_BYTES = 22;
const ENTRY_BYTES = 46;
const MAX_COMMENT_BYTES = 65_535;
/** Deflate cannot do better (zlib's technical notes, "Maximum Compression Factor"): a larger claim is a lie. */
const MAX_DEFLATE_RATIO = 1032;

function endOfDirectory(view: DataView): number {
  const lowest = Math.max(0, view.byteLength - END_BYTES - MAX_COMMENT_BYTES);
  for (let at = view.byteLength - END_BYTES; at >= lowest; at--)
    if (view.getUint32(at, true) === END_OF_DIRECTORY) return at;
  throw new DataError('not a complete zip archive (truncated?)');
}

/** CRC-32 of every member by name, from the central directory; empty for archives beyond 4 GiB (zip64 directories). */
function declaredChecksums(bytes: Uint8Array, members: number): Map<string, number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = endOfDirectory(view);
  const count = view.getUint16(end + 10, true);
  if (count > members && count !== 0xffff) throw new DataError(`the archive has ${String(count)} members`);
  let at = view.getUint32(end + 16, true);
  const checksums = new Map<string, number>();
  if (at === 0xffff_ffff) return checksums;
  for (let i = 0; i < count; i++) {
    if (at + ENTRY_BYTES > bytes.length || view.getUint32(at, true) !== DIRECTORY_ENTRY)
      throw new DataError('the directory of the archive is damaged');
    const nameEnd = at + ENTRY_BYTES + view.getUint16(at + 28, true);
    const name = Buffer.from(bytes.subarray(at + ENTRY_BYTES, nameEnd)).toString('latin1');
    checksums.set(name, view.getUint32(at + 16, true));
    at = nameEnd + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return checksums;
}

function inflate(bytes: Uint8Array, limits: NpzLimits): Map<string, Uint8Array> {
  const checksums = declaredChecksums(bytes, limits.members);
  const sizes = new Map<string, number>();
  let total = 0;
  const files = unzipSync(bytes, {
    filter: ({ name, size, originalSize }) => {
      total += originalSize;
      if (originalSize > size * MAX_DEFLATE_RATIO + ENTRY_BYTES)
        throw new DataError(`the size of member "${name}" cannot be true`);
      if (sizes.size >= limits.members) throw new DataError('the archive has too many members');
      if (total > limits.inflatedBytes)
        throw new DataError(
          `the archive says it holds more than ${String(limits.inflatedBytes)} bytes: refused before unpacking`,
        );
      sizes.set(name, originalSize);
      return name.endsWith('.npy');
    },
  });
  const members = new Map<string, Uint8Array>();
  for (const [name, data] of Object.entries(files)) {
    const checksum = checksums.get(name);
    if (data.length !== sizes.get(name) || (checksum !== undefined && crc32(data) !== checksum))
      throw new DataError(`array "${name.slice(0, -4)}" is damaged (its checksum or size is wrong)`);
    members.set(name.slice(0, -4), data);
  }
  return members;
}

/**
 * The arrays of an .npz file in memory, by name.
 * @throws DataError naming `file`, the array where there is one, and the reason.
 */
export function parseNpz(bytes: Uint8Array, file: string, limits = DEFAULT_NPZ_LIMITS): Npz {
  let members: Map<string, Uint8Array>;
  try {
    members = inflate(bytes, limits);
  } catch (error) {
    if (error instanceof DataError) throw dataErrorAt(file, error);
    throw new DataError(
      `${file}: not a readable .npz archive (${messageOf(error)}); copy or download it again`,
      {
        cause: error,
      },
    );
  }
  const arrays = new Map<string, NpyArray>();
  for (const [name, data] of members) {
    try {
      arrays.set(name, parseNpy(data));
    } catch (error) {
      throw dataErrorAt(`${file}, array "${name}"`, error);
    }
  }
  if (arrays.size === 0) throw new DataError(`${file}: the archive holds no .npy arrays`);
  return arrays;
}

/** Reads an .npz file. @throws DataError naming the file and the reason. */
export async function readNpz(path: string, limits = DEFAULT_NPZ_LIMITS): Promise<Npz> {
  const file = basename(path);
  let bytes: Uint8Array;
  try {
    const { size } = await stat(path);
    if (size > limits.fileBytes)
      throw new DataError(`it has ${String(size)} bytes; at most ${String(limits.fileBytes)} are read`);
    bytes = await readFile(path);
  } catch (error) {
    throw dataErrorAt(file, error);
  }
  return parseNpz(bytes, file, limits);
}

/** The bytes of a compressed .npz file. The same arrays give the same bytes: members carry no time of day. */
export function formatNpz(arrays: Npz): Uint8Array {
  const members = Array.from(arrays, ([name, array]) => [`${name}.npy`, formatNpy(array)] as const);
  return zipSync(Object.fromEntries(members), { level: 6, mtime: new Date(1980, 0, 1) });
}

/** Writes a compressed .npz file. */
export async function writeNpz(path: string, arrays: Npz): Promise<void> {
  await writeFile(path, formatNpz(arrays));
}
