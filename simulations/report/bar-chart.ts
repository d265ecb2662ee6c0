/** Bars of several methods side by side for each of several groups, with 95 % intervals as whiskers, as SVG. */
import { scaleLinear } from 'd3-scale';
import { formatMetric } from '../../shared/format.ts';
import { markup, nothing, type Markup } from './markup.ts';
import type { Bar, BarChart } from './model.ts';

/** In units of the view box, which is scaled to the room there is. */
const WIDTH = 420;
const BAR = 11;
const GAP = 13;
const MARGIN = { top: 6, right: 50, bottom: 46, left: 112 };
/** Characters of a label that fit the left margin. */
const LABEL_LENGTH = 14;
/** Series colours in the style sheet: grey for what is compared with, then in the order of the methods. */
const COLOURS = ['s7', 's0', 's1', 's2', 's3'];

/** @param id Unique in the document, for title and description. */
export function renderBarChart(chart: BarChart, id: string): Markup {
  const { groups, series, axis } = chart;
  const scale = scaleLinear()
    .domain([...(axis.domain ?? [0, 1])])
    .range([MARGIN.left, WIDTH - MARGIN.right]);
  const groupHeight = series.length * BAR + GAP;
  const bottom = MARGIN.top + groups.length * groupHeight;
  const height = bottom + MARGIN.bottom;
  const ticks = scale.ticks(4);
  const label = scale.tickFormat(4);
  return markup`<figure class="chart"><figcaption>${chart.title}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="${id}-t ${id}-d">
<title id="${id}-t">${chart.title}</title><desc id="${id}-d">${describe(chart)}</desc>
<g class="grid">${ticks.map((tick) => markup`<path d="M${px(scale(tick))} ${MARGIN.top}V${bottom}"/>`)}</g>
${groups.map((group, i) => {
  const top = MARGIN.top + i * groupHeight + GAP / 2;
  const middle = top + (series.length * BAR) / 2;
  return markup`<text class="rowlabel" x="0" y="${middle + 5}">${shortened(group.label)}</text>${group.bars.map(
    (bar, s) =>
      drawn(bar, { top: top + s * BAR, colour: colourOf(s, series.length), at: (value) => px(scale(value)) }),
  )}`;
})}
<path class="axis" d="M${MARGIN.left} ${MARGIN.top}V${bottom}"/>
<g class="tick">${ticks.map(
    (tick) =>
      markup`<text x="${px(scale(tick))}" y="${bottom + 19}" text-anchor="middle">${label(tick)}</text>`,
  )}</g>
<text class="title" x="${(MARGIN.left + WIDTH - MARGIN.right) / 2}" y="${height - 6}" text-anchor="middle">${axis.label}</text>
</svg>
<ul class="legend">${series.map(
    (name, s) =>
      markup`<li><svg viewBox="0 0 12 10" width="12" height="10" aria-hidden="true"><g class="curve ${colourOf(s, series.length)}"><path class="bar" d="M0 0H12V10H0Z"/></g></svg>${name}</li>`,
  )}</ul>
<p class="small">${chart.description}</p></figure>
`;
}

/** A single series has the accent. */
const colourOf = (index: number, count: number): string =>
  (count === 1 ? 's0' : COLOURS[index % COLOURS.length]) ?? 's0';

interface Place {
  readonly top: number;
  readonly colour: string;
  readonly at: (value: number) => number;
}

function drawn({ value, low, high }: Bar, { top, colour, at }: Place): Markup {
  if (value === undefined) return nothing;
  const middle = top + BAR / 2 - 0.5;
  return markup`<g class="curve ${colour}"><path class="bar" d="M${at(0)} ${top}H${at(value)}v${BAR - 1}H${at(0)}Z"/>${
    low === undefined || high === undefined
      ? nothing
      : markup`<path class="spread" d="M${at(low)} ${middle}H${at(high)}M${at(low)} ${middle - 2.5}v5M${at(high)} ${middle - 2.5}v5"/>`
  }<text class="barvalue" x="${WIDTH}" y="${middle + 4}" text-anchor="end">${formatMetric(value)}</text></g>`;
}

function shortened(label: string): Markup {
  if (label.length <= LABEL_LENGTH) return markup`${label}`;
  return markup`<title>${label}</title>${label.slice(0, LABEL_LENGTH - 1)}…`;
}

function describe({ description, groups, series }: BarChart): string {
  const values = groups.map(({ label, bars }) =>
    [label, ...bars.map(({ value }, s) => `${series[s] ?? ''} ${formatMetric(value)}`)].join(', '),
  );
  return [description, ...values].join(' · ');
}

const px = (value: number): number => Math.round(value * 10) / 10;
