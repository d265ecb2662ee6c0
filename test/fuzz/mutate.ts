/** Damaged forms of valid inputs, all of them named by one number: the one that a failure prints. */
import { createRng, deriveSeed, type Rng } from '../../shared/rng.ts';

/** What a field may hold instead of what belongs there. */
const HOSTILE: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  2 ** 53,
  '',
  'x',
  '../../../etc/passwd',
  '..\\..\\windows',
  '%2e%2e%2f',
  'a\u0000b',
  '\ud800',
  '\u202e',
  "' or 1=1 --",
  'x'.repeat(5000),
  '__proto__',
  'constructor',
  [],
  [[[[]]]],
  {},
  { toString: 1, valueOf: 2 },
  JSON.parse('{"__proto__":{"admin":true}}'),
  JSON.parse('{"constructor":{"prototype":{"admin":true}}}'),
  Array.from({ length: 2000 }, () => 0),
  JSON.parse('['.repeat(500) + ']'.repeat(500)),
];
const NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'extra', '', 'length'];

export const rngOf = (number: number): Rng => createRng(deriveSeed('damage', number));

const pick = <T>(values: readonly T[], rng: Rng): T => {
  const value = values[rng.integer(values.length)];
  if (value === undefined && values.length === 0) throw new Error('nothing to pick from');
  return value as T;
};

/** A JSON text in which one value somewhere is another, is missing, or has a neighbour that does not belong there. */
function damagedValue(value: unknown, rng: Rng, depth = 0): unknown {
  const isContainer = typeof value === 'object' && value !== null;
  if (!isContainer || rng.integer(4 + depth) === 0) return pick(HOSTILE, rng);
  if (Array.isArray(value)) {
    const items = Array.from<unknown>(value);
    const place = rng.integer(items.length + 1);
    switch (rng.integer(3)) {
      case 0:
        items.splice(place, 1);
        return items;
      case 1:
        items.splice(place, 0, pick(HOSTILE, rng));
        return items;
      default:
        if (place < items.length) items[place] = damagedValue(items[place], rng, depth + 1);
        return items;
    }
  }
  const entries = Object.entries(value);
  const place = rng.integer(entries.length + 1);
  const entry = entries[place];
  if (!entry) return Object.fromEntries([...entries, [pick(NAMES, rng), pick(HOSTILE, rng)]]);
  if (rng.integer(6) === 0) return Object.fromEntries(entries.filter((_, i) => i !== place));
  return Object.fromEntries(
    entries.map(([name, inner], i) => [name, i === place ? damagedValue(inner, rng, depth + 1) : inner]),
  );
}

/** A text with another character, without its end, with something in between. */
export function damagedText(text: string, rng: Rng): string {
  const place = rng.integer(text.length + 1);
  const character = String.fromCharCode(rng.integer(3) === 0 ? rng.integer(0x1_0000) : rng.integer(128));
  switch (rng.integer(4)) {
    case 0:
      return text.slice(0, place);
    case 1:
      return text.slice(0, place) + character + text.slice(place);
    case 2:
      return text.slice(0, place) + character + text.slice(place + 1);
    default:
      return text.slice(0, place) + text.slice(place + rng.integer(20));
  }
}

export const damagedJson = (value: unknown, rng: Rng): unknown => damagedValue(value, rng);

/** Mostly JSON still; now and then not even that. */
export function damagedJsonText(value: unknown, rng: Rng): string {
  const text = JSON.stringify(rng.integer(4) === 0 ? value : damagedValue(value, rng));
  return rng.integer(4) === 0 ? damagedText(text, rng) : text;
}

/** Bytes with other bits, fewer, more, or numbers at their largest. */
export function damagedBytes(bytes: Uint8Array, rng: Rng): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const place = rng.integer(copy.length + 1);
  switch (rng.integer(5)) {
    case 0:
      return copy.subarray(0, place);
    case 1:
      return Uint8Array.from([...copy.subarray(0, place), rng.integer(256), ...copy.subarray(place)]);
    case 2:
      return copy.fill(255, place, place + 1 + rng.integer(8));
    case 3:
      return copy.fill(0, place, place + 1 + rng.integer(8));
    default:
      if (place < copy.length) copy[place] = (copy[place] ?? 0) ^ (1 << rng.integer(8));
      return copy;
  }
}
