/** A timeline's rows on a canvas: only those in view, so that hundreds of sites stay smooth. */
import { scaleLinear } from 'd3-scale';
import { formatDuration } from '../../format.ts';
import type { Palette } from '../../palette.ts';
import type { TimelineSpan, TimeWindow } from './timeline-layout.ts';

export const TIMELINE_ROW = 26;
export const TIMELINE_HEAD = 28;
const BAR = 16;
const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
/** Pixels from which a bar is wide enough for its phase's name. */
const LABEL_MIN = 34;

export interface TimelineScene {
  readonly width: number;
  readonly height: number;
  /** Width of the names of rows. */
  readonly left: number;
  readonly rows: readonly string[];
  readonly byRow: ReadonlyMap<string, readonly TimelineSpan[]>;
  readonly window: TimeWindow;
  readonly nowMs: number;
  /** Pixels that are scrolled away above. */
  readonly scrollTop: number;
  readonly colourOf: (phase: string) => string;
  readonly labelOf: (phase: string) => string;
  /** The row that is pointed at. */
  readonly active: number | undefined;
  readonly palette: Palette;
}

/** From milliseconds to pixels. */
export function timeScale({ left, width, window }: Pick<TimelineScene, 'left' | 'width' | 'window'>) {
  return scaleLinear([window.startMs, window.endMs], [left, Math.max(left + 1, width - 12)]);
}

function fitted(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text;
  let end = text.length;
  while (end > 1 && context.measureText(`${text.slice(0, end)}…`).width > width) end--;
  return `${text.slice(0, end)}…`;
}

function drawHead(context: CanvasRenderingContext2D, scene: TimelineScene): void {
  const { palette, width, height, window, left } = scene;
  context.fillStyle = palette.surface;
  context.fillRect(0, 0, width, TIMELINE_HEAD);
  const spanMs = window.endMs - window.startMs;
  const elapsed = scaleLinear([0, spanMs], [left, Math.max(left + 1, width - 12)]);
  context.textAlign = 'center';
  for (const tick of elapsed.ticks(Math.max(2, Math.floor((width - left) / 120)))) {
    const x = Math.round(elapsed(tick)) + 0.5;
    context.strokeStyle = palette.rule;
    context.beginPath();
    context.moveTo(x, TIMELINE_HEAD - 5);
    context.lineTo(x, height);
    context.stroke();
    if (x < left + 20 || x > width - 30) continue;
    context.fillStyle = palette.quiet;
    context.fillText(tick === 0 ? '0' : `+${formatDuration(tick)}`, x, TIMELINE_HEAD / 2 - 2);
  }
  context.textAlign = 'left';
  context.fillStyle = palette.quiet;
  context.fillText('Site', 10, TIMELINE_HEAD / 2 - 2);
}

function drawCross(context: CanvasRenderingContext2D, x: number, y: number, colour: string): void {
  context.strokeStyle = colour;
  context.lineWidth = 2;
  context.beginPath();
  context.moveTo(x - 4, y - 4);
  context.lineTo(x + 4, y + 4);
  context.moveTo(x + 4, y - 4);
  context.lineTo(x - 4, y + 4);
  context.stroke();
  context.lineWidth = 1;
}

function drawRow(context: CanvasRenderingContext2D, scene: TimelineScene, index: number, top: number): void {
  const { rows, byRow, palette, left, nowMs, width } = scene;
  const row = rows[index] ?? '';
  const middle = top + TIMELINE_ROW / 2;
  if (scene.active === index) {
    context.fillStyle = palette.information;
    context.fillRect(0, top, width, TIMELINE_ROW);
  }
  context.fillStyle = palette.text;
  context.fillText(fitted(context, row, left - 20), 10, middle);
  const at = timeScale(scene);
  for (const { phase, startMs, endMs, isFailed } of byRow.get(row) ?? []) {
    const x = at(startMs);
    const wide = Math.max(1, at(endMs ?? nowMs) - x - 0.5);
    context.fillStyle = scene.colourOf(phase);
    context.fillRect(x, middle - BAR / 2, wide, BAR);
    if (isFailed === true) drawCross(context, x + wide + 7, middle, palette.text);
    if (wide < LABEL_MIN) continue;
    context.fillStyle = palette.surface;
    const label = fitted(context, scene.labelOf(phase), wide - 8);
    if (label.length > 2) context.fillText(label, x + 4, middle + 0.5);
  }
}

/** The rows in view, below their axis. */
export function drawTimeline(context: CanvasRenderingContext2D, scene: TimelineScene): void {
  const { width, height, rows, scrollTop, palette } = scene;
  context.font = FONT;
  context.textBaseline = 'middle';
  context.fillStyle = palette.surface;
  context.fillRect(0, 0, width, height);
  drawHead(context, scene);
  context.save();
  context.beginPath();
  context.rect(0, TIMELINE_HEAD, width, height - TIMELINE_HEAD);
  context.clip();
  const first = Math.max(0, Math.floor(scrollTop / TIMELINE_ROW));
  const last = Math.min(rows.length, Math.ceil((scrollTop + height) / TIMELINE_ROW));
  for (let i = first; i < last; i++) drawRow(context, scene, i, TIMELINE_HEAD + i * TIMELINE_ROW - scrollTop);
  context.restore();
}
