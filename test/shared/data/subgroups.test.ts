import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ageBand, subgroupsOf } from '../../../shared/data/subgroups.ts';

describe('age bands', () => {
  it.each([
    ['0.0', '0–19'],
    ['19.9', '0–19'],
    ['20', '20–39'],
    ['045Y', '40–59'],
    [' 60.0 ', '60–79'],
    ['80', '80 and over'],
    ['103', '80 and over'],
  ])('%j is %s', (text, band) => {
    expect(ageBand(text)).toBe(band);
  });

  it.each(['', 'unknown', '-3', '12M', '1e9', 'NaN'])('%j is no age', (text) => {
    expect(ageBand(text)).toBeUndefined();
  });

  it('hold every age between their ends', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 120 }), (age) => {
        const [low = NaN, high = Infinity] = (ageBand(String(age)) ?? '').match(/\d+/g)?.map(Number) ?? [];
        expect(age >= low && age <= high).toBe(true);
      }),
    );
  });
});

describe('subgroups', () => {
  const attributes = [
    { sex: 'F', age: '41', location: 'back' },
    { sex: 'male', age: '59', location: 'back' },
    { sex: 'female', age: '', location: 'face' },
    { sex: ' Female ', age: '12' },
    {},
  ];

  it('are by attribute and group, of the images of which it is known', () => {
    expect(subgroupsOf(attributes, 2)).toEqual([
      { attribute: 'sex', group: 'female', rows: Int32Array.of(0, 2, 3) },
      { attribute: 'age', group: '40–59', rows: Int32Array.of(0, 1) },
      { attribute: 'location', group: 'back', rows: Int32Array.of(0, 1) },
    ]);
  });

  it('are none smaller than asked for, and none where nothing is known', () => {
    expect(subgroupsOf(attributes, 4)).toEqual([]);
    expect(subgroupsOf([], 1)).toEqual([]);
    expect(subgroupsOf(attributes, 1).map(({ group }) => group)).toContain('male');
  });
});
