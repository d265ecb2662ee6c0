import { describe, expect, it } from 'vitest';
import { applyQualityGate, qualityProblem, sizeProblem } from '../../../shared/data/quality.ts';
import { toyDataset } from './toy.ts';

const image = (value: (i: number) => number): Uint8Array =>
  Uint8Array.from({ length: 400 }, (_, i) => value(i));

describe('the quality gate', () => {
  it('tells blank, saturated and empty images from usable ones', () => {
    expect(qualityProblem(image(() => 128))).toBe('blank (all pixels are nearly equal)');
    expect(qualityProblem(image((i) => 128 + (i % 2)))).toBe('blank (all pixels are nearly equal)');
    expect(qualityProblem(image((i) => (i < 10 ? 30 : 255)))).toBe(
      'saturated (97.5 % of the pixels are white)',
    );
    expect(qualityProblem(image((i) => (i < 1 ? 255 : 0)))).toBe('empty (99.8 % of the pixels are black)');
    expect(qualityProblem(image((i) => (i < 40 ? 200 : 0)))).toBeUndefined();
    expect(qualityProblem(image((i) => i % 256))).toBeUndefined();
  });

  it('knows the white of 16 bits', () => {
    expect(qualityProblem(new Uint16Array(400).fill(65_535, 10))).toContain('saturated');
    expect(qualityProblem(new Uint16Array(400).fill(255, 10))).toContain('blank');
  });

  it('measures sides', () => {
    expect(sizeProblem(15, 100)).toBe('tiny (15×100 pixels; at least 16 a side are needed)');
    expect(sizeProblem(16, 16)).toBeUndefined();
  });

  it('leaves out single images of a dataset with everything that belongs to them', () => {
    const toy = toyDataset([
      { label: 0, site: 'A' },
      { label: 1, site: 'B' },
      { label: 0, site: 'C' },
    ]);
    const pixels = new Uint8Array(3 * 256).map((_, i) => (i >= 256 && i < 512 ? 9 : i % 256));
    const { dataset, rejected } = applyQualityGate({ ...toy, height: 16, width: 16, pixels });
    expect(rejected).toEqual([{ file: 'toy, image 1', reason: 'blank (all pixels are nearly equal)' }]);
    expect(dataset.count).toBe(2);
    expect(Array.from(dataset.labels)).toEqual([0, 0]);
    expect(dataset.patients).toEqual(['p0', 'p2']);
    expect(dataset.sites).toEqual(['A', 'C']);
    expect(dataset.pixels).toEqual(pixels.filter((_, i) => i < 256 || i >= 512));
  });
});
