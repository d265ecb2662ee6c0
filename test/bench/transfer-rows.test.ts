/** What the study of transfer says of its cells, and which images keep their labels. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readNpzDataset } from '../../shared/data/medmnist-layout.ts';
import { classCounts } from '../../shared/data/select.ts';
import type { NpyArray } from '../../shared/data/npy.ts';
import { writeNpz } from '../../shared/data/npz.ts';
import { judgeRow, type Verdict } from './bench-report.ts';
import { hospitalRows } from './transfer-hospitals.ts';
import { rowsOf, type Arms, type TargetFigures } from './transfer-rows.ts';
import { labelledRows, writeSubset } from './transfer-sets.ts';

const cell = (auc: number) => ({ auc, accuracy: 0.5, balancedAccuracy: 0.5, bytesUpPerSite: 2e6 });
const arms = (pairs: readonly (readonly [scratch: number, tuned: number])[]): Arms[] =>
  pairs.map(([scratch, tuned]) => ({ scratch: cell(scratch), tuned: new Map([['x-ray', cell(tuned)]]) }));
const study = (few: readonly Arms[], all: readonly Arms[] = few): TargetFigures => ({
  target: 'breast',
  cells: [
    { fraction: 0.1, arms: few },
    { fraction: 1, arms: all },
  ],
});

function verdictOf(figures: TargetFigures, minutes = 1): Record<string, Verdict> {
  const rows = rowsOf([figures], { isComplete: true, minutes }).map(judgeRow);
  return Object.fromEntries(
    rows.filter(({ verdict }) => verdict !== 'no bar').map((row) => [row.name.slice(0, 9), row.verdict]),
  );
}

describe('the study', () => {
  it('has helped when all of the interval of the paired gain is above 0 where labels are few', () => {
    // Gains .1, .12, .14: mean .12, s = .02, half width 4.303·.02/√3 = .0497.
    const helped = study(
      arms([
        [0.7, 0.8],
        [0.6, 0.72],
        [0.65, 0.79],
      ]),
    );
    expect(verdictOf(helped)).toEqual({ 'best pair': 'met', time: 'met' });
    const rows = rowsOf([helped], { isComplete: true, minutes: 1 });
    const gain = rows.find(({ name }) => name.includes('10 % of the labels, x-ray: AUC gained'));
    expect(gain?.name).toContain('[0.070, 0.170]');
    expect(gain && judgeRow(gain).value).toBeCloseTo(0.12, 12);
  });

  it('has failed when it helps with many labels only, or now and then', () => {
    const always = arms([
      [0.7, 0.8],
      [0.6, 0.7],
    ]);
    const sometimes = arms([
      [0.7, 0.9],
      [0.7, 0.65],
    ]);
    expect(verdictOf(study(sometimes, always))['best pair']).toBe('missed');
  });

  it('has failed when it takes too long, and says nothing when it was not complete', () => {
    const one = study(
      arms([
        [0.7, 0.8],
        [0.6, 0.7],
      ]),
    );
    expect(verdictOf(one, 26)).toEqual({ 'best pair': 'met', time: 'missed' });
    const quick = rowsOf([one], { isComplete: false, minutes: 99 }).map(judgeRow);
    expect(quick.map(({ verdict }) => verdict)).toEqual(quick.map(() => 'no bar'));
  });
});

describe('the images of some hospitals', () => {
  it('are theirs, but for lesions that others have images of too', () => {
    const sites = ['a', 'b', 'a', 'c', 'a', 'b'];
    const patients = ['l1', 'l1', 'l2', 'l3', 'l2', 'l4'];
    expect(hospitalRows({ sites, patients }, (name) => name === 'a')).toEqual([2, 4]);
    expect(hospitalRows({ sites, patients }, (name) => name !== 'a')).toEqual([3, 5]);
  });
});

describe('the labels that are kept', () => {
  const image = (value: number) => [value, 255 - value, value, 0];
  const part = (count: number, first: number) => ({
    images: {
      ...({ kind: 'numeric', dtype: 'u1', shape: [count, 2, 2] } as const),
      data: Uint8Array.from(Array.from({ length: count }, (_, i) => image(first + i)).flat()),
    },
    labels: {
      ...({ kind: 'numeric', dtype: 'u1', shape: [count, 1] } as const),
      data: Uint8Array.from({ length: count }, (_, i) => (i % 4 === 0 ? 1 : 0)),
    },
  });

  it('are the asked share of each class, another choice for another seed, and the test part is whole', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'consilium-labels-'));
    try {
      const train = part(40, 0);
      const val = part(8, 100);
      const test = part(12, 150);
      const whole = join(folder, 'whole.npz');
      const arrays = new Map<string, NpyArray>();
      for (const [name, { images, labels }] of Object.entries({ train, val, test }))
        arrays.set(`${name}_images`, images).set(`${name}_labels`, labels);
      await writeNpz(whole, arrays);
      const few = join(folder, 'few.npz');
      await writeSubset(whole, few, { fraction: 0.3, seed: 1 });
      const all = await readNpzDataset(whole);
      const kept = await readNpzDataset(few);
      expect(kept.officialSplit?.filter((name) => name === 'train')).toHaveLength(12);
      const rows = labelledRows(all, 0.3, 1);
      expect(classCounts(all, rows)).toEqual([9, 3]);
      expect([...kept.labels.subarray(0, 12)]).toEqual(rows.map((row) => all.labels[row]));
      expect([...kept.pixels.subarray(0, 48)]).toEqual(rows.flatMap(image));
      expect([...kept.pixels.subarray(48)]).toEqual([...all.pixels.subarray(160)]);
      expect(labelledRows(all, 0.3, 2)).not.toEqual(rows);
      expect(labelledRows(all, 1, 2)).toHaveLength(40);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
