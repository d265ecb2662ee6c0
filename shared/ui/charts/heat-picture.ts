/** A table of shaded cells on a canvas, for its PNG file. */
import { formatCount } from '../../format.ts';
import type { Palette } from '../../palette.ts';
import type { HeatRow } from './heat-cells.ts';
import { translucent } from './series-style.ts';

interface HeatPicture {
  readonly columnTitle: string;
  readonly columns: readonly string[];
  readonly rows: readonly HeatRow[];
  readonly shade: readonly (readonly number[])[];
  readonly palette: Palette;
}

const CELL = { width: 78, height: 32, gap: 2 };
const LABEL = 150;
const HEAD = 48;

export function heatPictureSize({ columns, rows }: Pick<HeatPicture, 'columns' | 'rows'>) {
  return { width: LABEL + columns.length * CELL.width, height: HEAD + rows.length * CELL.height };
}

/** With the origin at its upper left. */
export function drawHeat(context: CanvasRenderingContext2D, picture: HeatPicture): void {
  const { columnTitle, columns, rows, shade, palette } = picture;
  const cell = CELL.width - CELL.gap;
  context.fillStyle = palette.quiet;
  context.textAlign = 'center';
  context.fillText(columnTitle, LABEL + (columns.length * CELL.width) / 2, 8);
  columns.forEach((name, i) => {
    context.fillText(name, LABEL + i * CELL.width + cell / 2, HEAD - 14, cell);
  });
  rows.forEach(({ label, values }, row) => {
    const middle = HEAD + row * CELL.height + CELL.height / 2;
    context.textAlign = 'left';
    context.fillStyle = palette.text;
    context.fillText(label, 0, middle, LABEL - 10);
    context.textAlign = 'center';
    columns.forEach((_, column) => {
      const x = LABEL + column * CELL.width;
      const value = values[column];
      context.fillStyle = translucent(palette.heat, shade[row]?.[column] ?? 0);
      context.fillRect(x, middle - CELL.height / 2, cell, CELL.height - CELL.gap);
      context.fillStyle = palette.text;
      context.fillText(value === undefined ? '–' : formatCount(value), x + cell / 2, middle);
    });
  });
}
