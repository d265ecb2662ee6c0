/** Curves on one axis: where they have values, and where they have gaps. */
import { describe, expect, it } from 'vitest';
import { curveData, curveTable, hasPositive, hasValues } from '../../../../shared/ui/charts/curve-data.ts';

const shown = { hidden: new Set<string>(), isLog: false };

const loss = {
  name: 'loss',
  points: [
    { x: 1, y: 2, low: 1.5, high: 2.5 },
    { x: 3, y: 0.5 },
  ],
};
const score = { name: 'score', points: [{ x: 2, y: 0.7 }] };

describe('curves on one axis', () => {
  it('have every x once, in order, and gaps where a series has none', () => {
    const { x, columns } = curveData([score, loss], shown);
    expect(x).toEqual([1, 2, 3]);
    expect(columns).toEqual([
      [
        [null, 0.7, null],
        [null, null, null],
        [null, null, null],
      ],
      [
        [2, null, 0.5],
        [1.5, null, null],
        [2.5, null, null],
      ],
    ]);
  });

  it('have gaps where a value has diverged or is not known', () => {
    const points = [
      { x: 1, y: NaN },
      { x: 2, y: Infinity },
      { x: 3, y: undefined },
      { x: 4, y: -1 },
    ];
    expect(curveData([{ name: 'a', points }], shown).columns[0]?.[0]).toEqual([null, null, null, -1]);
  });

  it('have gaps at and below 0 on a logarithmic axis, of the interval too', () => {
    const points = [
      { x: 1, y: 0 },
      { x: 2, y: 0.1, low: -0.1, high: 0.3 },
    ];
    const { columns } = curveData([{ name: 'a', points }], { ...shown, isLog: true });
    expect(columns[0]).toEqual([
      [null, 0.1],
      [null, null],
      [null, 0.3],
    ]);
  });

  it('keep their place on the axis when they are hidden', () => {
    const { x, columns } = curveData([loss, score], { ...shown, hidden: new Set(['loss']) });
    expect(x).toEqual([1, 2, 3]);
    expect(columns[0]?.[0]).toEqual([null, null, null]);
    expect(columns[1]?.[0]).toEqual([null, 0.7, null]);
  });

  it('know whether there is anything to draw', () => {
    expect(hasValues([])).toBe(false);
    expect(hasValues([{ name: 'a', points: [{ x: 1, y: NaN }] }])).toBe(false);
    expect(hasValues([score])).toBe(true);
    expect(hasPositive([{ name: 'a', points: [{ x: 1, y: -2 }] }])).toBe(false);
    expect(hasPositive([score])).toBe(true);
  });

  it('are written one point a line, by x and then in the order of the series', () => {
    const table = curveTable(
      [score, { ...loss, points: [...loss.points, { x: 2, y: 1 }] }],
      'Round',
      'Value',
    );
    expect(table.columns).toEqual(['Round', 'Series', 'Value', 'Low (95 %)', 'High (95 %)']);
    expect(table.rows).toEqual([
      [1, 'loss', 2, 1.5, 2.5],
      [2, 'score', 0.7, undefined, undefined],
      [2, 'loss', 1, undefined, undefined],
      [3, 'loss', 0.5, undefined, undefined],
    ]);
  });
});
