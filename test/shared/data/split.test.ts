import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DataError, InputError } from '../../../shared/errors.ts';
import type { Split } from '../../../shared/data/dataset.ts';
import { classCounts } from '../../../shared/data/select.ts';
import { assertNoPatientOnBothSides, groupByPatient, splitDataset } from '../../../shared/data/split.ts';
import { toyDataset, type ToyImage } from './toy.ts';

const parts = (split: Split): number[][] =>
  [split.train, split.validation, split.test].map((part) => Array.from(part));
const images = (count: number, label: (i: number) => number): ToyImage[] =>
  Array.from({ length: count }, (_, i) => ({ label: label(i) }));

describe('splitDataset', () => {
  it('cuts each class in the same proportion', () => {
    const dataset = toyDataset(images(100, (i) => (i < 80 ? 0 : 1)));
    const split = splitDataset(dataset, { testFraction: 0.2, validationFraction: 0.25, seed: 1 });
    expect(classCounts(dataset, split.test)).toEqual([16, 4]);
    expect(classCounts(dataset, split.validation)).toEqual([16, 4]);
    expect(classCounts(dataset, split.train)).toEqual([48, 12]);
  });

  it('is the same for the same seed and another for another', () => {
    const dataset = toyDataset(images(60, (i) => i % 2));
    const first = splitDataset(dataset, { seed: 7 });
    expect(splitDataset(dataset, { seed: 7 })).toEqual(first);
    expect(splitDataset(dataset, { seed: 8 }).test).not.toEqual(first.test);
  });

  it('keeps the test part whatever is validated on', () => {
    const dataset = toyDataset(images(60, (i) => i % 2));
    const { test } = splitDataset(dataset, { seed: 3, validationFraction: 0.1 });
    expect(splitDataset(dataset, { seed: 3, validationFraction: 0.4 }).test).toEqual(test);
  });

  it('puts every image into one part and no patient into two', () => {
    const image = fc.record({
      label: fc.nat(2),
      patient: fc.integer({ min: 0, max: 15 }).map((p) => `p${String(p)}`),
    });
    fc.assert(
      fc.property(
        fc.array(image, { minLength: 1, maxLength: 80 }),
        fc.nat(1000),
        fc.double({ min: 0, max: 0.9, noNaN: true }),
        (toys, seed, fraction) => {
          const dataset = toyDataset(toys, 3);
          const split = splitDataset(dataset, { seed, testFraction: fraction, validationFraction: fraction });
          expect(
            parts(split)
              .flat()
              .sort((a, b) => a - b),
          ).toEqual(toys.map((_, i) => i));
          expect(() => {
            assertNoPatientOnBothSides(dataset, split);
          }).not.toThrow();
          for (const part of parts(split)) expect(part).toEqual(part.toSorted((a, b) => a - b));
        },
      ),
    );
  });

  it('does not let one patient with very many images fill the test part', () => {
    const many: ToyImage[] = Array.from({ length: 50 }, () => ({ label: 0, patient: 'many' }));
    const dataset = toyDataset([...many, ...images(50, () => 0)]);
    for (let seed = 0; seed < 20; seed++)
      expect(splitDataset(dataset, { seed, testFraction: 0.2 }).test.length, `seed ${String(seed)}`).toBe(20);
  });

  it('honours official parts and cuts a missing validation part from train', () => {
    const dataset = {
      ...toyDataset(images(40, (i) => i % 2)),
      officialSplit: Array.from({ length: 40 }, (_, i) => (i < 30 ? ('train' as const) : ('test' as const))),
    };
    const split = splitDataset(dataset, { seed: 1, validationFraction: 0.2 });
    expect(Array.from(split.test)).toEqual([30, 31, 32, 33, 34, 35, 36, 37, 38, 39]);
    expect(classCounts(dataset, split.validation)).toEqual([3, 3]);
    expect(split.train.length).toBe(24);
    const own = splitDataset(dataset, { seed: 1, ignoreOfficial: true });
    expect(own.test).not.toEqual(split.test);
  });

  it('refuses a patient in two official parts without naming the patient', () => {
    const dataset = {
      ...toyDataset([
        { label: 0, patient: 'Doe^Jane' },
        { label: 1, patient: 'Doe^Jane' },
        { label: 0 },
        { label: 1 },
      ]),
      officialSplit: ['train', 'test', 'train', 'validation'] as const,
    };
    const attempt = (): unknown => splitDataset(dataset, { seed: 1 });
    expect(attempt).toThrow(DataError);
    expect(attempt).toThrow('toy: 1 of 3 patients have images in more than one of train, test;');
    expect(attempt).not.toThrow('Doe');
  });

  it('refuses shares outside 0…1', () => {
    const dataset = toyDataset(images(4, (i) => i % 2));
    for (const testFraction of [1, -0.1, Number.NaN])
      expect(() => splitDataset(dataset, { seed: 1, testFraction })).toThrow(InputError);
  });
});

describe('groupByPatient', () => {
  it('gives each patient the class of most images, the lower of equals', () => {
    const dataset = toyDataset([
      { label: 1, patient: 'a' },
      { label: 0, patient: 'b' },
      { label: 1, patient: 'a' },
      { label: 0, patient: 'a' },
      { label: 1, patient: 'b' },
    ]);
    expect(groupByPatient(dataset, [4, 0, 1, 2, 3])).toEqual([
      { indices: [1, 4], label: 0 },
      { indices: [0, 2, 3], label: 1 },
    ]);
  });
});
