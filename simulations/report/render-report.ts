/**
 * A report as one HTML file that needs nothing else: no script, no font, no request, and images only inside itself. Its
 * content security policy forbids the rest, so that opening it in a hospital sends nothing anywhere.
 */
import { renderBarChart } from './bar-chart.ts';
import { renderImageGrid } from './image-grid.ts';
import { renderIntervalChart } from './interval-chart.ts';
import { renderLineChart } from './line-chart.ts';
import { markup, nothing, verbatim, type Markup } from './markup.ts';
import type { Block, Note, ReportModel, Section } from './model.ts';
import { STYLE } from './style.ts';
import { renderHeatTable, renderTable } from './tables.ts';

/** The complete document. Every text of the model is escaped. */
export function renderReport(model: ReportModel): string {
  return markup`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${model.title}</title>
<style>${verbatim(STYLE)}</style></head><body>
<header><h1>${model.title}</h1>
${model.subtitle === undefined ? nothing : markup`<p class="subtitle">${model.subtitle}</p>`}
<nav aria-label="Contents"><ul>${model.sections.map(
    ({ title }, i) => markup`<li><a href="#${sectionId(i)}">${title}</a></li>`,
  )}</ul></nav>
${model.headline === undefined ? nothing : markup`<p class="headline">${model.headline}</p>`}
${model.notes.map(renderNote)}
${model.figures.length === 0 ? nothing : keyFigures(model)}
</header><main>
${model.sections.map(renderSection)}
</main>
${model.footer === undefined ? nothing : markup`<footer>${model.footer}</footer>`}
</body></html>
`.text;
}

function keyFigures({ figures }: ReportModel): Markup {
  return markup`<dl class="figures">${figures.map(
    ({ label, value, detail }) =>
      markup`<div><dt>${label}</dt><dd class="value">${value}</dd>${
        detail === undefined ? nothing : markup`<dd class="detail">${detail}</dd>`
      }</div>`,
  )}</dl>`;
}

const sectionId = (index: number): string => `section-${String(index + 1)}`;

function renderSection({ title, text, blocks }: Section, index: number): Markup {
  const id = sectionId(index);
  return markup`<section id="${id}" aria-labelledby="${id}-h"><h2 id="${id}-h">${title}</h2>
${text === undefined ? nothing : markup`<p class="quiet">${text}</p>`}${renderBlocks(blocks, id)}</section>
`;
}

function renderBlocks(blocks: readonly Block[], id: string): Markup[] {
  return blocks.map((block, i) => renderBlock(block, `${id}-${String(i + 1)}`));
}

function renderBlock(block: Block, id: string): Markup {
  switch (block.kind) {
    case 'table':
      return renderTable(block);
    case 'heat':
      return renderHeatTable(block);
    case 'lines':
      return renderLineChart(block, id);
    case 'intervals':
      return renderIntervalChart(block, id);
    case 'bars':
      return renderBarChart(block, id);
    case 'images':
      return renderImageGrid(block);
    case 'details':
      return markup`<details><summary>${block.summary}</summary>${renderBlocks(block.blocks, id)}</details>
`;
    case 'row':
      return markup`<div class="row">${renderBlocks(block.blocks, id)}</div>
`;
  }
}

function renderNote({ tone, text }: Note): Markup {
  return markup`<p class="note ${tone}" role="note">${tone === 'warning' ? markup`<strong>Note: </strong>` : nothing}${text}</p>
`;
}
