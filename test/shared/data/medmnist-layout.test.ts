import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { datasetFromNpz, readNpzDataset } from '../../../shared/data/medmnist-layout.ts';
import { MEDMNIST_CLASSES, medmnistNameOfFile } from '../../../shared/data/medmnist-names.ts';
import type { NpyArray, NumericDType } from '../../../shared/data/npy.ts';
import { writeNpz } from '../../../shared/data/npz.ts';
import { applyQualityGate } from '../../../shared/data/quality.ts';
import { classCounts } from '../../../shared/data/select.ts';
import { TEST_DATA_REASON, testDataPath } from '../../test-data.ts';
import { withFolder } from './toy.ts';

function numeric(shape: readonly number[], values?: readonly number[], dtype: NumericDType = 'u1'): NpyArray {
  const length = shape.reduce((a, b) => a * b, 1);
  const data = Uint8Array.from({ length }, (_, i) => values?.[i] ?? i % 251);
  return { kind: 'numeric', dtype, shape, data };
}

const medmnist = (changes: Readonly<Record<string, NpyArray | undefined>> = {}): Map<string, NpyArray> => {
  const arrays: Record<string, NpyArray | undefined> = {
    train_images: numeric([2, 4, 4]),
    train_labels: numeric([2, 1], [0, 1]),
    val_images: numeric([1, 4, 4]),
    val_labels: numeric([1, 1], [1]),
    test_images: numeric([1, 4, 4]),
    test_labels: numeric([1, 1], [0]),
    ...changes,
  };
  return new Map(Object.entries(arrays).flatMap(([name, array]) => (array ? [[name, array] as const] : [])));
};
const names = { name: 'x', file: 'x.npz' };

describe('the MedMNIST layout', () => {
  it('joins the parts and keeps the official splits', () => {
    const dataset = datasetFromNpz(medmnist(), { ...names, classNames: ['no', 'yes'] });
    expect(dataset.count).toBe(4);
    expect([dataset.height, dataset.width, dataset.channels]).toEqual([4, 4, 1]);
    expect(dataset.officialSplit).toEqual(['train', 'train', 'validation', 'test']);
    expect(Array.from(dataset.labels)).toEqual([0, 1, 1, 0]);
    expect(dataset.classNames).toEqual(['no', 'yes']);
    expect(dataset.pixels.length).toBe(64);
  });

  it('names what is wrong', () => {
    const bad = (changes: Readonly<Record<string, NpyArray | undefined>>): (() => unknown) => {
      return () => datasetFromNpz(medmnist(changes), names);
    };
    expect(bad({ val_images: undefined })).toThrow(
      'x.npz: array "val_images" is missing; the file holds train_images',
    );
    expect(
      bad({ train_images: { kind: 'numeric', dtype: 'f4', shape: [2, 4, 4], data: new Float32Array(32) } }),
    ).toThrow(
      'x.npz, array "train_images": images must be unsigned integers of 8 or 16 bits (uint8, uint16), not f4',
    );
    expect(bad({ train_images: numeric([2, 4]) })).toThrow('shape (2, 4) is not [images, height, width]');
    expect(bad({ train_images: numeric([2, 4, 4, 2]) })).toThrow('shape (2, 4, 4, 2)');
    expect(bad({ test_images: numeric([1, 5, 4]) })).toThrow('differ in size or type');
    expect(bad({ train_labels: numeric([3, 1]) })).toThrow('does not give one value to each of 2 images');
    expect(bad({ train_labels: numeric([2, 14]) })).toThrow('multi-label');
    expect(() => datasetFromNpz(medmnist(), { ...names, classNames: ['only'] })).toThrow(
      'only 1 names are known',
    );
    expect(() => datasetFromNpz(medmnist(), { ...names, classNames: ['a', 'b', 'c'] })).toThrow(
      'x: no usable image of class "c"',
    );
  });
});

describe('the layout of images, labels, site and patient', () => {
  it('takes names from meta.json beside the file', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'own.npz');
      await writeNpz(
        path,
        new Map([
          ['images', numeric([3, 4, 4, 3])],
          ['labels', numeric([3], [1, 0, 1])],
          ['site', numeric([3], [0, 1, 0])],
          ['lesion', numeric([3], [7, 8, 7])],
        ]),
      );
      await writeFile(join(folder, 'meta.json'), '{"classes":["nv","mel"],"sites":["A","B"],"more":1}');
      const dataset = await readNpzDataset(path);
      expect(dataset.name).toBe('npz:own.npz');
      expect(dataset.channels).toBe(3);
      expect(dataset.classNames).toEqual(['nv', 'mel']);
      expect(dataset.sites).toEqual(['A', 'B', 'A']);
      expect(dataset.patients).toEqual(['7', '8', '7']);
      await writeFile(join(folder, 'meta.json'), '{"classes":"nv"}');
      await expect(readNpzDataset(path)).rejects.toThrow(
        /^meta\.json \(names of classes and sites\): .*classes/s,
      );
      await writeFile(join(folder, 'meta.json'), '{');
      await expect(readNpzDataset(path)).rejects.toThrow(/^meta\.json/);
    });
  });

  it('takes text labels', () => {
    const npz = new Map<string, NpyArray>([
      ['images', numeric([2, 4, 4])],
      ['labels', { kind: 'text', shape: [2], data: ['nv', 'mel'] }],
    ]);
    const dataset = datasetFromNpz(npz, names);
    expect(dataset.classNames).toEqual(['mel', 'nv']);
    expect(Array.from(dataset.labels)).toEqual([1, 0]);
    expect(() => datasetFromNpz(npz, { ...names, classNames: ['mel', 'bcc'] })).toThrow(
      '"nv" is none of mel, bcc',
    );
  });
});

describe('names of MedMNIST files', () => {
  it('finds the set that a file belongs to', () => {
    expect(medmnistNameOfFile('breastmnist_64.npz')).toBe('breastmnist');
    expect(medmnistNameOfFile('pneumoniamnist-reassembled.npz')).toBe('pneumoniamnist');
    expect(medmnistNameOfFile('ham10000-fed-28.npz')).toBeUndefined();
    expect(medmnistNameOfFile('breastmnistlike.npz')).toBeUndefined();
    expect(Object.keys(MEDMNIST_CLASSES)).toHaveLength(12);
  });
});

const real = [
  {
    file: 'medmnist/breastmnist.npz',
    shape: [28, 28, 1],
    classes: { malignant: 210, 'normal or benign': 570 },
    parts: { train: 546, validation: 78, test: 156 },
  },
  {
    file: 'medmnist/pneumoniamnist-reassembled.npz',
    shape: [28, 28, 1],
    classes: { normal: 1583, pneumonia: 4273 },
    parts: { train: 4708, validation: 524, test: 624 },
  },
  {
    file: 'ham10000-fed-28/ham10000-fed-28.npz',
    shape: [28, 28, 3],
    classes: { akiec: 327, bcc: 514, bkl: 1099, df: 115, mel: 1113, nv: 6705, vasc: 142 },
    sites: { rosendahl: 2259, vidir_modern: 3363, vidir_molemax: 3954, vienna_dias: 439 },
  },
];

const tally = (values: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
};

describe.each(real)('$file', ({ file, shape, classes, parts, sites }) => {
  const path = testDataPath(file);
  it.skipIf(path === undefined)(`has the published counts (skipped when ${TEST_DATA_REASON})`, async () => {
    const dataset = await readNpzDataset(path ?? '');
    const counts = classCounts(dataset);
    expect([dataset.height, dataset.width, dataset.channels]).toEqual(shape);
    expect(Object.fromEntries(dataset.classNames.map((name, i) => [name, counts[i]]))).toEqual(classes);
    expect(dataset.officialSplit && tally(dataset.officialSplit)).toEqual(parts);
    expect(dataset.sites && tally(dataset.sites)).toEqual(sites);
    expect(applyQualityGate(dataset).rejected).toEqual([]);
  });
});
