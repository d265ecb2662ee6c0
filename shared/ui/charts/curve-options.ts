/** How uPlot draws curves with their intervals in the page's colours. */
import type uPlot from 'uplot';
import { formatNumber } from '../../format.ts';
import type { Palette } from '../../palette.ts';
import { seriesStyle, translucent } from './series-style.ts';

export interface Axis {
  /** With its unit. */
  readonly label: string;
  /** Ends of the axis; absent: from the values. */
  readonly domain?: readonly [number, number];
  /** Only whole numbers are marked. */
  readonly isWhole?: boolean;
  /** Of the values that are read, with their unit. */
  readonly format?: (value: number) => string;
}

export interface Marker {
  readonly x: number;
  readonly label: string;
}

interface CurveOptions {
  readonly names: readonly string[];
  readonly x: Axis;
  readonly y: Axis;
  readonly isLog: boolean;
  readonly size: { readonly width: number; readonly height: number };
  readonly palette: Palette;
  readonly marker: Marker | undefined;
  /** Place of the value under the pointer; undefined: none. */
  readonly onCursor: (index: number | undefined) => void;
}

const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
const LABEL_FONT = `500 ${FONT}`;
const WHOLE_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000];
const BAND_OPACITY = 0.16;
/** Width of a digit in pixels, and what stands beside the labels of an axis. */
const CHARACTER = 7;
const AXIS_ROOM = 14;

/** Something wide even where all values are equal. */
function widened(low: number | null, high: number | null, by: number): [number, number] {
  const [a, b] = [low ?? 0, high ?? 1];
  return a < b ? [a, b] : [a - by, b + by];
}

function yScale({ domain }: Axis, isLog: boolean): uPlot.Scale {
  // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- uPlot's enum Distr exists as a type only; 3 is its Logarithmic.
  if (isLog) return { distr: 3 };
  return domain ? { range: [...domain] } : { range: { min: { pad: 0.08 }, max: { pad: 0.08 } } };
}

function axis({ label, isWhole }: Axis, palette: Palette): uPlot.Axis {
  return {
    label,
    labelSize: 20,
    labelGap: 2,
    labelFont: LABEL_FONT,
    font: FONT,
    stroke: palette.quiet,
    grid: { stroke: palette.rule, width: 1 },
    ticks: { stroke: palette.rule, width: 1, size: 5 },
    values: (_, values) => values.map((value: number | null) => (value === null ? '' : formatNumber(value))),
    ...(isWhole === true ? { incrs: WHOLE_STEPS } : {}),
  };
}

/** As types have it values may be missing: those between the marked powers of a logarithmic axis. */
function widthOf(_: uPlot, values: readonly (string | null)[] | null): number {
  const longest = (values ?? []).reduce((most, value) => Math.max(most, value?.length ?? 0), 3);
  return longest * CHARACTER + AXIS_ROOM;
}

function markerHook({ x, label }: Marker, palette: Palette): (plot: uPlot) => void {
  return (plot) => {
    const { ctx, bbox } = plot;
    const at = Math.round(plot.valToPos(x, 'x', true));
    if (at < bbox.left || at > bbox.left + bbox.width) return;
    const isRight = at > bbox.left + bbox.width / 2;
    ctx.save();
    ctx.strokeStyle = palette.quiet;
    ctx.fillStyle = palette.quiet;
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(at, bbox.top);
    ctx.lineTo(at, bbox.top + bbox.height);
    ctx.stroke();
    ctx.font = FONT.replace('12px', `${String(12 * devicePixelRatio)}px`);
    ctx.textAlign = isRight ? 'right' : 'left';
    ctx.textBaseline = 'top';
    ctx.fillText(label, at + (isRight ? -6 : 6) * devicePixelRatio, bbox.top + 2 * devicePixelRatio);
    ctx.restore();
  };
}

/** The drawn series of one curve: its line, and the invisible ends between which its band lies. */
function seriesOf(name: string, index: number, palette: Palette): uPlot.Series[] {
  const { colour, dash } = seriesStyle(palette, index);
  const end: uPlot.Series = { width: 0, points: { show: false } };
  return [
    {
      label: name,
      stroke: colour,
      width: 2,
      ...(dash.length > 0 ? { dash: [...dash] } : {}),
      points: { size: 5, fill: colour, stroke: colour },
    },
    end,
    end,
  ];
}

export function curveOptions(options: CurveOptions): uPlot.Options {
  const { names, x, y, isLog, size, palette, marker, onCursor } = options;
  return {
    ...size,
    padding: [12, 14, 0, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 9, width: 2 } },
    scales: {
      x: { time: false, range: (_, low, high) => (x.domain ? [...x.domain] : widened(low, high, 1)) },
      y: yScale(y, isLog),
    },
    axes: [
      { ...axis(x, palette), size: 34 },
      { ...axis(y, palette), size: widthOf },
    ],
    series: [{}, ...names.flatMap((name, i) => seriesOf(name, i, palette))],
    bands: names.map((_, i) => ({
      series: [3 * i + 3, 3 * i + 2],
      fill: translucent(seriesStyle(palette, i).colour, BAND_OPACITY),
    })),
    hooks: {
      setCursor: [
        (plot) => {
          onCursor(plot.cursor.idx ?? undefined);
        },
      ],
      draw: marker ? [markerHook(marker, palette)] : [],
    },
  };
}
