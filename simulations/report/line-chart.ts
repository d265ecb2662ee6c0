/** Curves in a plane as SVG: axes, grid, bands for intervals, a legend in HTML. Pure text; no script. */
import { scaleLinear } from 'd3-scale';
import { area, line } from 'd3-shape';
import { formatNumber } from '../../shared/format.ts';
import { join, markup, nothing, type Markup } from './markup.ts';
import type { Axis, LineChart, Series, SeriesPoint } from './model.ts';

/** In units of the view box, which is scaled to the room there is. */
const WIDTH = 420;
const HEIGHT = 300;
const MARGIN = { top: 12, right: 14, bottom: 50 };
/** Room for the y axis: its title, and tick labels of so many characters. */
const TITLE_ROOM = 32;
const CHARACTER = 8;
/** Series colours in the style sheet. */
const COLOURS = 8;
/** Every so many series the dash pattern changes, so that colour is never the only difference. */
const PER_DASH = 4;
const DASHES = 4;

interface Scale {
  readonly at: (value: number) => number;
  readonly ticks: readonly { readonly value: number; readonly label: string }[];
}

/** @param id Unique in the document, for title and description. */
export function renderLineChart(chart: LineChart, id: string): Markup {
  const y = scaleOf(chart.y, valuesOf(chart.series, 'y'), [HEIGHT - MARGIN.bottom, MARGIN.top]);
  const left = TITLE_ROOM + CHARACTER * y.ticks.reduce((most, { label }) => Math.max(most, label.length), 0);
  const x = scaleOf(chart.x, valuesOf(chart.series, 'x'), [left, WIDTH - MARGIN.right]);
  const coloured = chart.series.filter(({ background }) => background !== true);
  const background = chart.series.filter((series) => series.background === true);
  return markup`<figure class="chart"><figcaption>${chart.title}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="${id}-t ${id}-d">
<title id="${id}-t">${chart.title}</title><desc id="${id}-d">${describe(chart)}</desc>
${axes(chart, x, y, left)}
${chart.diagonal === undefined ? nothing : diagonal(x, y, chart)}
${background.map((series) => curve(series, x, y, 'behind'))}
${coloured.map((series, i) => curve(series, x, y, colourClass(i)))}
${chart.marker === undefined ? nothing : marker(chart.marker, x)}
</svg>
${legend(chart, coloured, background)}
<p class="small">${chart.description}</p></figure>
`;
}

function colourClass(index: number): string {
  return `s${String(index % COLOURS)} d${String(Math.floor(index / PER_DASH) % DASHES)}`;
}

function valuesOf(series: readonly Series[], axis: 'x' | 'y'): number[] {
  return series.flatMap(({ points }) =>
    points.flatMap((point) =>
      (axis === 'x' ? [point.x] : [point.y, point.low, point.high]).filter(isDrawable),
    ),
  );
}

/** A diverged loss is a gap, like a missing one. */
function isDrawable(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value);
}

const TICKS = 5;

function scaleOf(axis: Axis, values: readonly number[], range: readonly [number, number]): Scale {
  const scale = scaleLinear()
    .domain([...(axis.domain ?? spread(values))])
    .range([...range]);
  if (axis.domain === undefined && axis.whole !== true) scale.nice(TICKS);
  const label = scale.tickFormat(TICKS);
  const ticks = scale.ticks(TICKS).filter((value) => axis.whole !== true || Number.isInteger(value));
  return { at: (value) => scale(value), ticks: ticks.map((value) => ({ value, label: label(value) })) };
}

/** Least and greatest, apart by something even where all values are equal. */
function spread(values: readonly number[]): [number, number] {
  const low = values.reduce((a, b) => Math.min(a, b), Infinity);
  const high = values.reduce((a, b) => Math.max(a, b), -Infinity);
  if (low > high) return [0, 1];
  return low < high ? [low, high] : [low - 0.5, high + 0.5];
}

function axes(chart: LineChart, x: Scale, y: Scale, left: number): Markup {
  const bottom = HEIGHT - MARGIN.bottom;
  const right = WIDTH - MARGIN.right;
  return markup`<g class="grid">${y.ticks.map(
    ({ value }) => markup`<path d="M${left} ${px(y.at(value))}H${right}"/>`,
  )}</g>
<path class="axis" d="M${left} ${bottom}H${right}"/>
<g class="tick">${y.ticks.map(
    ({ value, label }) =>
      markup`<text x="${left - 8}" y="${px(y.at(value) + 4)}" text-anchor="end">${label}</text>`,
  )}${x.ticks.map(
    ({ value, label }) =>
      markup`<path class="axis" d="M${px(x.at(value))} ${bottom}v4"/><text x="${px(x.at(value))}" y="${
        bottom + 20
      }" text-anchor="middle">${label}</text>`,
  )}</g>
<text class="title" x="${(left + right) / 2}" y="${HEIGHT - 6}" text-anchor="middle">${chart.x.label}</text>
<text class="title" transform="translate(12 ${(MARGIN.top + bottom) / 2}) rotate(-90)" text-anchor="middle">${
    chart.y.label
  }</text>`;
}

function curve(series: Series, x: Scale, y: Scale, colour: string): Markup {
  const path = line<SeriesPoint>()
    .defined((point) => isDrawable(point.y))
    .x((point) => px(x.at(point.x)))
    .y((point) => px(y.at(point.y ?? 0)))(series.points);
  const band = area<SeriesPoint>()
    .defined((point) => isDrawable(point.low) && isDrawable(point.high))
    .x((point) => px(x.at(point.x)))
    .y0((point) => px(y.at(point.low ?? 0)))
    .y1((point) => px(y.at(point.high ?? 0)))(series.points);
  const drawn = series.points.filter((point) => isDrawable(point.y));
  // A line of one point would be invisible.
  const marked = series.marks === true || drawn.length === 1;
  return markup`<g class="curve ${colour}">${band === null ? nothing : markup`<path class="band" d="${band}"/>`}${
    path === null ? nothing : markup`<path class="line" d="${path}"/>`
  }${
    marked
      ? drawn.map(
          (point) =>
            markup`<circle cx="${px(x.at(point.x))}" cy="${px(y.at(point.y ?? 0))}" r="${px(
              1.5 + 4 * (point.size ?? 0.5),
            )}"/>`,
        )
      : nothing
  }</g>`;
}

function diagonal(x: Scale, y: Scale, chart: LineChart): Markup {
  const [x0, x1] = chart.x.domain ?? [0, 1];
  const [y0, y1] = chart.y.domain ?? [0, 1];
  return markup`<path class="reference" d="M${px(x.at(x0))} ${px(y.at(y0))}L${px(x.at(x1))} ${px(y.at(y1))}"/>`;
}

function marker({ x: value, label }: { x: number; label: string }, x: Scale): Markup {
  const at = x.at(value);
  const toTheLeft = at > WIDTH / 2;
  return markup`<g class="marker"><path class="reference" d="M${px(at)} ${MARGIN.top}V${HEIGHT - MARGIN.bottom}"/>
<text x="${px(toTheLeft ? at - 5 : at + 5)}" y="${MARGIN.top + 8}" text-anchor="${
    toTheLeft ? 'end' : 'start'
  }">${label}</text></g>`;
}

function legend(chart: LineChart, coloured: readonly Series[], background: readonly Series[]): Markup {
  const entries = [
    ...coloured.map(({ name, detail }, i) => entry(colourClass(i), name, detail)),
    ...(background.length === 0 ? [] : [entry('behind', chart.backgroundName ?? 'others', undefined)]),
    ...(chart.diagonal === undefined ? [] : [entry('dashed', chart.diagonal, undefined)]),
  ];
  if (entries.length === 1 && coloured[0]?.detail === undefined) return nothing;
  return markup`<ul class="legend">${join(entries)}</ul>`;
}

function entry(colour: string, name: string, detail: string | undefined): Markup {
  const swatch =
    colour === 'dashed'
      ? markup`<path class="reference" d="M0 5H22"/>`
      : markup`<g class="curve ${colour}"><path class="line" d="M0 5H22"/></g>`;
  return markup`<li><svg viewBox="0 0 22 10" width="22" height="10" aria-hidden="true">${swatch}</svg>${name}${
    detail === undefined ? nothing : markup` <span class="quiet">${detail}</span>`
  }</li>`;
}

/** The last value of each curve in words, so that the description says what the eye would read first. */
function describe({ description, series }: LineChart): string {
  const ends = series
    .filter(({ background }) => background !== true)
    .slice(0, COLOURS)
    .flatMap(({ name, detail, points }) => {
      const last = points.findLast((point) => isDrawable(point.y));
      if (detail !== undefined) return [`${name}: ${detail}`];
      return last?.y === undefined
        ? []
        : [`${name} ends at ${formatNumber(last.y)} (x = ${formatNumber(last.x)})`];
    });
  return [description, ...ends].join(' · ');
}

/** Tenths of a unit are below what a screen shows. */
function px(value: number): number {
  return Math.round(value * 10) / 10;
}
