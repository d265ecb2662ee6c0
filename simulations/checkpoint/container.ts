/**
 * Plain data with vectors as one file: magic ‖ SHA-512 of the rest (64 bytes) ‖ length of the JSON (uint32) ‖ JSON ‖
 * vectors, each at a multiple of 8 bytes from the start of the file, little-endian. Vectors and numbers that JSON does not know stand in
 * the JSON as small objects. The digest tells a file that was cut short or changed from one that is whole; it proves
 * nothing about who wrote it.
 */
import { sha512 } from '../../shared/crypto/hash.ts';
import { DataError } from '../../shared/errors.ts';

type Vector = Float32Array | Float64Array;

const MAGIC = new TextEncoder().encode('CONSILIUM CHECKPOINT 1\n\n');
const DIGEST_BYTES = 64;
const LENGTH_BYTES = 4;
const JSON_START = MAGIC.length + DIGEST_BYTES + LENGTH_BYTES;
/** What Float64Array asks of a view's offset. */
const ALIGNMENT = 8;

const aligned = (offset: number): number => Math.ceil(offset / ALIGNMENT) * ALIGNMENT;

/** A vector that occurs twice is written once. `value` is anything that JSON can hold, and Float32Array and Float64Array. */
export function encodeContainer(value: unknown): Uint8Array {
  const vectors = new Map<Vector, number>();
  const json = new TextEncoder().encode(
    JSON.stringify(value, (_, part: unknown) => {
      if (typeof part === 'number' && !Number.isFinite(part)) return { $number: String(part) };
      if (!(part instanceof Float32Array || part instanceof Float64Array)) return part;
      const index = vectors.get(part) ?? vectors.size;
      vectors.set(part, index);
      const $vector = part instanceof Float32Array ? 'float32' : 'float64';
      return { $vector, index, length: part.length };
    }),
  );
  let end = aligned(JSON_START + json.length);
  const placed = [...vectors.keys()].map((vector) => {
    const offset = end;
    end = aligned(end + vector.byteLength);
    return { vector, offset };
  });
  const out = new Uint8Array(end);
  new DataView(out.buffer).setUint32(JSON_START - LENGTH_BYTES, json.length, true);
  out.set(json, JSON_START);
  for (const { vector, offset } of placed)
    out.set(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength), offset);
  out.set(MAGIC);
  out.set(sha512(out.subarray(MAGIC.length + DIGEST_BYTES)), MAGIC.length);
  return out;
}

/** @throws DataError naming `file` when the bytes are not a whole container */
export function decodeContainer(bytes: Uint8Array, file: string): unknown {
  const broken = (what: string): DataError =>
    new DataError(
      `${file} ${what}: it was cut short or changed and cannot be resumed from; start the run anew`,
    );
  if (bytes.length < JSON_START || MAGIC.some((byte, i) => bytes[i] !== byte))
    throw broken('is not a checkpoint of this program');
  const body = bytes.slice(MAGIC.length + DIGEST_BYTES);
  const digest = sha512(body);
  if (digest.some((byte, i) => bytes[MAGIC.length + i] !== byte))
    throw broken('does not have its own digest');
  // A copy that starts at an aligned address.
  const { buffer } = bytes.slice();
  const jsonBytes = new DataView(buffer).getUint32(JSON_START - LENGTH_BYTES, true);
  const json = new TextDecoder().decode(new Uint8Array(buffer, JSON_START, jsonBytes));
  return JSON.parse(json, reviver(buffer, aligned(JSON_START + jsonBytes)));
}

/** Brings vectors back; one that was written once is one object again. */
function reviver(buffer: ArrayBuffer, start: number): (key: string, part: unknown) => unknown {
  const known = new Map<number, Vector>();
  // Vectors are written in the order in which they first occur, which is the order in which JSON.parse meets them.
  let end = start;
  return (_, part) => {
    if (typeof part !== 'object' || part === null) return part;
    if ('$number' in part) return Number(part.$number);
    if (!('$vector' in part && 'index' in part && 'length' in part)) return part;
    const index = Number(part.index);
    const length = Number(part.length);
    const vector =
      known.get(index) ??
      (part.$vector === 'float32'
        ? new Float32Array(buffer, end, length)
        : new Float64Array(buffer, end, length));
    if (!known.has(index)) end = aligned(end + vector.byteLength);
    known.set(index, vector);
    return vector;
  };
}
