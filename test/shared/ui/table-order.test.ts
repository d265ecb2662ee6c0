import { describe, expect, it } from 'vitest';
import { nextSorting, sortRows } from '../../../shared/ui/table-order.ts';

const sorted = (values: readonly (string | number | null)[], isDescending = false) =>
  sortRows(values, (value) => value, isDescending);

describe('sortRows', () => {
  it('sorts numbers by size and names as in a register', () => {
    expect(sorted([10, 9, -1])).toEqual([-1, 9, 10]);
    expect(sorted(['site-10', 'site-2', 'Alpha'])).toEqual(['Alpha', 'site-2', 'site-10']);
    expect(sorted([1, 3, 2], true)).toEqual([3, 2, 1]);
  });

  it('puts rows without a value last, whichever way it sorts', () => {
    expect(sorted([null, 2, NaN, 1]).slice(0, 2)).toEqual([1, 2]);
    expect(sorted([null, 2, NaN, 1], true).slice(0, 2)).toEqual([2, 1]);
  });

  it('keeps the order of equal rows and the rows themselves', () => {
    const rows = [
      { name: 'b', group: 1 },
      { name: 'a', group: 1 },
      { name: 'c', group: 0 },
    ];
    const order = (isDescending: boolean) =>
      sortRows(rows, ({ group }) => group, isDescending).map(({ name }) => name);
    expect(order(false)).toEqual(['c', 'b', 'a']);
    expect(order(true)).toEqual(['b', 'a', 'c']);
    expect(rows.map(({ name }) => name)).toEqual(['b', 'a', 'c']);
  });
});

it('turns the direction when the same column is pressed again', () => {
  const first = nextSorting(undefined, 'name');
  expect(first).toEqual({ key: 'name', isDescending: false });
  const second = nextSorting(first, 'name');
  expect(second).toEqual({ key: 'name', isDescending: true });
  expect(nextSorting(second, 'name')).toEqual(first);
  expect(nextSorting(second, 'status')).toEqual({ key: 'status', isDescending: false });
});
