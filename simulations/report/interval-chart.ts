/** Estimates with 95 % intervals, one below the other, on one axis (a forest plot), as SVG. */
import { scaleLinear } from 'd3-scale';
import { formatMetric } from '../../shared/format.ts';
import { markup, nothing, type Markup } from './markup.ts';
import type { IntervalChart } from './model.ts';

const WIDTH = 420;
const ROW = 30;
const MARGIN = { top: 6, right: 56, bottom: 46, left: 138 };
/** Characters of a label that fit the left margin. */
const LABEL_LENGTH = 17;

/** @param id Unique in the document, for title and description. */
export function renderIntervalChart(chart: IntervalChart, id: string): Markup {
  const { rows, axis } = chart;
  const values = rows.flatMap(({ value, low, high }) => [value, low, high]).filter((v) => v !== undefined);
  const domain = axis.domain ?? [
    values.reduce((a, b) => Math.min(a, b), values[0] ?? 0),
    values.reduce((a, b) => Math.max(a, b), values[0] ?? 1),
  ];
  const scale = scaleLinear()
    .domain([...domain])
    .range([MARGIN.left + 8, WIDTH - MARGIN.right - 8]);
  if (axis.domain === undefined) scale.nice(4);
  const bottom = MARGIN.top + rows.length * ROW;
  const height = bottom + MARGIN.bottom;
  const ticks = scale.ticks(3);
  const label = scale.tickFormat(3);
  return markup`<figure class="chart"><figcaption>${chart.title}</figcaption>
<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="${id}-t ${id}-d">
<title id="${id}-t">${chart.title}</title><desc id="${id}-d">${describe(chart)}</desc>
<g class="grid">${ticks.map((tick) => markup`<path d="M${px(scale(tick))} ${MARGIN.top}V${bottom}"/>`)}</g>
<path class="axis" d="M${MARGIN.left} ${bottom}H${WIDTH - MARGIN.right}"/>
<g class="tick">${ticks.map(
    (tick) =>
      markup`<text x="${px(scale(tick))}" y="${bottom + 19}" text-anchor="middle">${label(tick)}</text>`,
  )}</g>
<text class="title" x="${(MARGIN.left + WIDTH - MARGIN.right) / 2}" y="${height - 6}" text-anchor="middle">${axis.label}</text>
${rows.map((row, i) => estimate(row, MARGIN.top + (i + 0.5) * ROW, (value) => px(scale(value))))}
</svg><p class="small">${chart.description}</p></figure>
`;
}

function estimate(row: IntervalChart['rows'][number], y: number, at: (value: number) => number): Markup {
  const { label, value, low, high } = row;
  const short = label.length > LABEL_LENGTH ? `${label.slice(0, LABEL_LENGTH - 1)}…` : label;
  return markup`<g class="curve ${row.emphasis === true ? 's0' : 's7'}"><text class="rowlabel${
    row.emphasis === true ? ' strong' : ''
  }" x="0" y="${y + 5}">${short === label ? nothing : markup`<title>${label}</title>`}${short}</text>${
    low === undefined || high === undefined
      ? nothing
      : markup`<path class="whisker" d="M${at(low)} ${y}H${at(high)}M${at(low)} ${y - 4}v8M${at(high)} ${y - 4}v8"/>`
  }${value === undefined ? nothing : markup`<circle cx="${at(value)}" cy="${y}" r="4.5"/>`}<text class="rowvalue${
    row.emphasis === true ? ' strong' : ''
  }" x="${WIDTH}" y="${y + 5}" text-anchor="end">${formatMetric(value)}</text></g>`;
}

function describe({ description, rows }: IntervalChart): string {
  const values = rows.map(
    ({ label, value, low, high }) =>
      `${label} ${formatMetric(value)}${
        low === undefined || high === undefined ? '' : ` (${formatMetric(low)} to ${formatMetric(high)})`
      }`,
  );
  return [description, ...values].join(' · ');
}

const px = (value: number): number => Math.round(value * 10) / 10;
