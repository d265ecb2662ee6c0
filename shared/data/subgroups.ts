/**
 * Which images belong together in figures by subgroup: what a table says of sex, age, scanner and the place on the body.
 * Ages become bands, so that a group has more than a few images.
 */
import type { ImageAttributes } from './image-collection.ts';

export const SUBGROUP_ATTRIBUTES = ['sex', 'age', 'scanner', 'location'] as const;
export type SubgroupAttribute = (typeof SUBGROUP_ATTRIBUTES)[number];

export interface Subgroup {
  readonly attribute: SubgroupAttribute;
  readonly group: string;
  /** Positions in the list of attributes, ascending. */
  readonly rows: Int32Array;
}

/** Years in which each band begins; the last has no end. */
const BAND_STARTS = [0, 20, 40, 60, 80] as const;

/** "40–59"; undefined for what is no age. */
export function ageBand(text: string): string | undefined {
  // DICOM writes 045Y.
  const [, digits] = /^\s*(\d{1,3}(?:\.\d+)?)\s*Y?\s*$/i.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const index = BAND_STARTS.findLastIndex((start) => Number(digits) >= start);
  const start = BAND_STARTS[index] ?? 0;
  const next = BAND_STARTS[index + 1];
  return next === undefined ? `${String(start)} and over` : `${String(start)}–${String(next - 1)}`;
}

/** DICOM's letters. */
const SEXES: Readonly<Record<string, string>> = { m: 'male', f: 'female', o: 'other' };

function groupOf(attribute: SubgroupAttribute, attributes: ImageAttributes): string | undefined {
  const text = attributes[attribute]?.trim();
  if (text === undefined || text === '') return undefined;
  switch (attribute) {
    case 'sex':
      return SEXES[text.toLowerCase()] ?? text.toLowerCase();
    case 'age':
      return ageBand(text);
    case 'scanner':
    case 'location':
      return text;
  }
}

/**
 * @param attributes of the images, such as those of a test set
 * @param minimum groups with fewer images are left out: their figures are noise, and might point at single people
 * @returns by attribute, then by group; images of which an attribute is not known are in none of its groups
 */
export function subgroupsOf(attributes: readonly ImageAttributes[], minimum: number): Subgroup[] {
  return SUBGROUP_ATTRIBUTES.flatMap((attribute) => {
    const members = new Map<string, number[]>();
    attributes.forEach((one, row) => {
      const group = groupOf(attribute, one);
      if (group === undefined) return;
      const rows = members.get(group);
      if (rows) rows.push(row);
      else members.set(group, [row]);
    });
    return [...members]
      .filter(([, rows]) => rows.length >= minimum)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([group, rows]) => ({ attribute, group, rows: Int32Array.from(rows) }));
  });
}
