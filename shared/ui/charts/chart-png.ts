/** A chart as a PNG file: its title, its drawing and its legend on the page's surface, at twice the size of the screen. */
import type { Palette } from '../../palette.ts';
import type { SeriesStyle } from './series-style.ts';

const SCALE = 2;
const PADDING = 16;
const TITLE_HEIGHT = 30;
const LEGEND_ROW = 20;
const SWATCH = 22;
const GAP = 18;
const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

export interface LegendEntry {
  readonly name: string;
  readonly style: SeriesStyle;
}

export interface Picture {
  readonly title: string;
  /** Of the drawing, in CSS pixels. */
  readonly width: number;
  readonly height: number;
  readonly legend?: readonly LegendEntry[];
  readonly palette: Palette;
  /** Draws with the origin at the drawing's upper left. */
  draw(context: CanvasRenderingContext2D): void;
}

interface PlacedEntry extends LegendEntry {
  readonly x: number;
  readonly row: number;
}

/** Entries from left to right, and in a new row where they no longer fit. */
function placeLegend(
  entries: readonly LegendEntry[],
  width: number,
  textWidth: (text: string) => number,
): PlacedEntry[] {
  let x = 0;
  let row = 0;
  return entries.map((entry) => {
    const needed = SWATCH + 6 + textWidth(entry.name);
    if (x > 0 && x + needed > width) {
      x = 0;
      row++;
    }
    const placed = { ...entry, x, row };
    x += needed + GAP;
    return placed;
  });
}

function drawLegend(context: CanvasRenderingContext2D, entries: readonly PlacedEntry[], text: string): void {
  for (const { name, style, x, row } of entries) {
    const y = row * LEGEND_ROW + LEGEND_ROW / 2;
    context.strokeStyle = style.colour;
    context.lineWidth = 2.5;
    context.setLineDash([...style.dash]);
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(x + SWATCH, y);
    context.stroke();
    context.fillStyle = text;
    context.fillText(name, x + SWATCH + 6, y);
  }
  context.setLineDash([]);
}

/** @throws TypeError where the browser gives no canvas or no picture of it */
export async function pictureToPng(picture: Picture): Promise<Blob> {
  const { title, width, height, legend = [], palette } = picture;
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d');
  if (!context) throw new TypeError('this browser cannot draw on a canvas');
  context.font = `13px ${FONT}`;
  const placed = placeLegend(legend, width, (text) => context.measureText(text).width);
  const legendHeight = placed.length === 0 ? 0 : ((placed.at(-1)?.row ?? 0) + 1) * LEGEND_ROW + 8;
  canvas.width = SCALE * (width + 2 * PADDING);
  canvas.height = SCALE * (height + TITLE_HEIGHT + legendHeight + 2 * PADDING);
  context.scale(SCALE, SCALE);
  context.fillStyle = palette.surface;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.translate(PADDING, PADDING);
  context.textBaseline = 'middle';
  context.font = `600 15px ${FONT}`;
  context.fillStyle = palette.text;
  context.fillText(title, 0, 9, width);
  context.translate(0, TITLE_HEIGHT);
  context.save();
  picture.draw(context);
  context.restore();
  context.translate(0, height + 8);
  context.font = `13px ${FONT}`;
  drawLegend(context, placed, palette.text);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => {
      if (blob) resolve(blob);
      else reject(new TypeError('this browser made no picture of the chart'));
    }, 'image/png');
  });
}

/** An SVG element of the page as an image. Its looks have to stand in attributes: a style sheet does not come along. */
export async function svgImage(svg: SVGSVGElement): Promise<HTMLImageElement> {
  const copy = svg.cloneNode(true);
  if (copy instanceof SVGSVGElement) {
    copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
    copy.setAttribute('font-family', FONT);
  }
  const text = new XMLSerializer().serializeToString(copy);
  const url = URL.createObjectURL(new Blob([text], { type: 'image/svg+xml' }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    return image;
  } finally {
    URL.revokeObjectURL(url);
  }
}
