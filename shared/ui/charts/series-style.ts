/** How series are told apart: by colour, and from the fifth on by dashes too, so that colour is never the only difference. */
import type { Palette } from '../../palette.ts';

const PER_DASH = 4;
/** Lengths of strokes and gaps in pixels; none: a solid line. */
const DASHES: readonly (readonly number[])[] = [[], [7, 3], [2, 3], [9, 3, 2, 3]];

export interface SeriesStyle {
  readonly colour: string;
  readonly dash: readonly number[];
}

export function seriesStyle(palette: Palette, index: number): SeriesStyle {
  const { s0, s1, s2, s3, s4, s5, s6, s7 } = palette;
  const colours = [s0, s1, s2, s3, s4, s5, s6, s7];
  return {
    colour: colours[index % colours.length] ?? s0,
    dash: DASHES[Math.floor(index / PER_DASH) % DASHES.length] ?? [],
  };
}

/** A colour of the palette, `#rrggbb`, let through in part. @param opacity 0…1 */
export function translucent(colour: string, opacity: number): string {
  const level = Math.round(255 * Math.min(1, Math.max(0, opacity)));
  return `${colour}${level.toString(16).padStart(2, '0')}`;
}
