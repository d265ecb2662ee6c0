/**
 * One byte sequence for one value: JSON with sorted keys and no white space, as in RFC 8785 (JSON
 * Canonicalization Scheme, §3.2). Everything that is hashed or signed goes through here.
 */
import { InvariantError } from '../errors.ts';

/** A lone surrogate has no UTF-8 encoding; RFC 8785 §3.2.2.2 refuses it as well. */
const LONE_SURROGATE = /\p{Surrogate}/u;

const isPlainObject = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

function encodeString(text: string, path: string): string {
  if (LONE_SURROGATE.test(text)) throw new InvariantError(`${path}: the text is not well-formed Unicode`);
  return JSON.stringify(text);
}

function encodeObject(value: object, path: string): string {
  if (!isPlainObject(value)) throw new InvariantError(`${path}: only plain objects have a canonical form`);
  // The default order of sort compares UTF-16 code units, which is what RFC 8785 §3.2.3 asks for.
  const entries = Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => `${encodeString(key, path)}:${encode(item, `${path}.${key}`)}`);
  return `{${entries.join(',')}}`;
}

function encode(value: unknown, path: string): string {
  if (value === null || typeof value === 'boolean') return JSON.stringify(value);
  if (typeof value === 'string') return encodeString(value, path);
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new InvariantError(`${path}: ${String(value)} is not a finite number`);
    return JSON.stringify(value);
  }
  if (Array.isArray(value))
    return `[${value.map((item, i) => encode(item, `${path}[${String(i)}]`)).join(',')}]`;
  if (typeof value === 'object') return encodeObject(value, path);
  throw new InvariantError(`${path}: a value of type ${typeof value} has no canonical form`);
}

/** @throws InvariantError naming the path of a value that JSON cannot hold exactly (undefined, NaN, a class instance). */
export function canonicalJson(value: unknown): string {
  return encode(value, '$');
}

const utf8 = new TextEncoder();

/** UTF-8 bytes of `canonicalJson`. */
export function canonicalBytes(value: unknown): Uint8Array {
  return utf8.encode(canonicalJson(value));
}
