/** In which order the rows of a table stand. */

export type SortValue = string | number | null | undefined;

export interface Sorting {
  readonly key: string;
  readonly isDescending: boolean;
}

const words = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

/** Numbers by size, words as in a register (`site-2` before `site-10`). */
function compare(a: string | number, b: string | number): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : words.compare(String(a), String(b));
}

const isMissing = (value: SortValue): value is null | undefined =>
  value === null || value === undefined || Number.isNaN(value);

/** Sorted, equal rows in the order that they had; rows without a value come last either way. */
export function sortRows<Row>(
  rows: readonly Row[],
  valueOf: (row: Row) => SortValue,
  isDescending: boolean,
): Row[] {
  const sign = isDescending ? -1 : 1;
  return rows.toSorted((left, right) => {
    const [a, b] = [valueOf(left), valueOf(right)];
    if (isMissing(a) || isMissing(b)) return Number(isMissing(a)) - Number(isMissing(b));
    return sign * compare(a, b);
  });
}

/** What pressing a column's head does: sort by it, then the other way round. */
export const nextSorting = (present: Sorting | undefined, key: string): Sorting => ({
  key,
  isDescending: present?.key === key && !present.isDescending,
});
