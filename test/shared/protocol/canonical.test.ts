import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../../shared/protocol/canonical.ts';

describe('canonical JSON', () => {
  it('sorts keys at every depth and writes no white space', () => {
    expect(canonicalJson({ b: [1, { d: null, c: true }], a: 'x' })).toBe(
      '{"a":"x","b":[1,{"c":true,"d":null}]}',
    );
  });

  it('sorts by UTF-16 code units, as the example of RFC 8785 §3.2.3', () => {
    const keys = ['\u20ac', '\r', '\ufb33', '1', '\u{1f600}', '\u0080', '\u00f6'];
    const value = Object.fromEntries(keys.map((key) => [key, 0]));
    const order = ['\r', '1', '\u0080', '\u00f6', '\u20ac', '\u{1f600}', '\ufb33'];
    expect(canonicalJson(value)).toBe(`{${order.map((key) => `${JSON.stringify(key)}:0`).join(',')}}`);
  });

  it('writes numbers as RFC 8785 appendix B', () => {
    expect(canonicalJson([0, -0, 1e21, 1e-7, 333333333.3333333])).toBe('[0,0,1e+21,1e-7,333333333.3333333]');
  });

  it.each([
    ['NaN', { a: { b: Number.NaN } }, '$.a.b'],
    ['an infinity', [1, Infinity], '$[1]'],
    ['undefined', { a: undefined }, '$.a'],
    ['bytes', { a: new Uint8Array(1) }, '$.a'],
    ['a date', [new Date(0)], '$[0]'],
    ['a lone surrogate', { a: '\ud800' }, '$.a'],
    ['a big integer', [1n], '$[0]'],
  ])('refuses %s and says where it is', (_, value, path) => {
    expect(() => canonicalJson(value)).toThrow(path);
  });

  it('reads back as the same value, and does not depend on the order of keys', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.integer()), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).reverse());
        expect(canonicalJson(reversed)).toBe(canonicalJson(value));
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
