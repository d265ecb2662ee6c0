/** The arithmetic of shaded tables, of what a pointer means, and of how series are told apart. */
import { describe, expect, it } from 'vitest';
import { DARK, LIGHT } from '../../../../shared/palette.ts';
import { heatTable, shades } from '../../../../shared/ui/charts/heat-cells.ts';
import { nearestPoint } from '../../../../shared/ui/charts/plane-points.ts';
import { seriesStyle, translucent } from '../../../../shared/ui/charts/series-style.ts';

const ROWS = [
  { label: 'normal', values: [6, 2] },
  { label: 'nodule', values: [0, 0] },
  { label: 'other', values: [undefined, 3] },
];

describe('a shaded table', () => {
  it('shades by the share of the row, or of the greatest of all', () => {
    expect(shades(ROWS, 'row')).toEqual([
      [0.75, 0.25],
      [0, 0],
      [0, 1],
    ]);
    expect(shades(ROWS, 'greatest')).toEqual([
      [1, 2 / 6],
      [0, 0],
      [0, 0.5],
    ]);
    expect(shades([], 'greatest')).toEqual([]);
  });

  it('is written with its names, what is not known left empty', () => {
    expect(heatTable('True class', ['a', 'b', 'c'], ROWS)).toEqual({
      columns: ['True class', 'a', 'b', 'c'],
      rows: [
        ['normal', 6, 2, undefined],
        ['nodule', 0, 0, undefined],
        ['other', undefined, 3, undefined],
      ],
    });
  });
});

describe('a pointer in a plane', () => {
  const plane = { x: (value: number) => 100 * value, y: (value: number) => 100 - 100 * value, reach: 30 };
  const series = [
    {
      name: 'first',
      points: [
        [0, 0],
        [0.5, 0.5],
      ] as const,
      notes: ['3 images', '7 images'],
    },
    { name: 'second', points: [[0.5, 0.8]] as const },
  ];

  it('means the nearest point of all series', () => {
    expect(nearestPoint(series, { x: 52, y: 45 }, plane)).toEqual({
      ...{ series: 0, name: 'first', point: [0.5, 0.5], note: '7 images' },
    });
    expect(nearestPoint(series, { x: 52, y: 25 }, plane)?.name).toBe('second');
  });

  it('means none that is out of reach', () => {
    expect(nearestPoint(series, { x: 99, y: 99 }, plane)).toBeUndefined();
    expect(nearestPoint([], { x: 0, y: 0 }, plane)).toBeUndefined();
  });
});

describe('series', () => {
  it.each([
    ['light', LIGHT],
    ['dark', DARK],
  ])('sixteen are told apart by colour and dashes in the %s theme', (_, palette) => {
    const looks = Array.from({ length: 16 }, (_unused, i) => JSON.stringify(seriesStyle(palette, i)));
    expect(new Set(looks).size).toBe(16);
    expect(seriesStyle(palette, 0).dash).toEqual([]);
    expect(seriesStyle(palette, 4).dash).not.toEqual([]);
  });

  it('let colours through in part', () => {
    expect(translucent('#0b62a8', 0)).toBe('#0b62a800');
    expect(translucent('#0b62a8', 0.5)).toBe('#0b62a880');
    expect(translucent('#0b62a8', 7)).toBe('#0b62a8ff');
  });
});
