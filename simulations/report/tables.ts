/** Tables and shaded tables as HTML, with captions and header cells that a screen reader can use. */
import { formatCount } from '../../shared/format.ts';
import { markup, nothing, type Markup } from './markup.ts';
import type { HeatTable, TableBlock } from './model.ts';

export function renderTable({ caption, columns, rows, inline, note }: TableBlock): Markup {
  return markup`${scroller(
    caption,
    markup`<table${className(inline === true ? 'inline' : '')}><caption><span>${caption}</span></caption><thead><tr>${columns.map(
      ({ label, numeric }) => markup`<th scope="col"${className(numeric ? 'number' : '')}>${label}</th>`,
    )}</tr></thead><tbody>${rows.map(
      (cells) =>
        markup`<tr>${cells.map((cell, i) => {
          const classes = [
            columns[i]?.numeric === true ? 'number' : '',
            cell.strong === true ? 'strong' : '',
            cell.code === true ? 'code' : '',
          ];
          const content = markup`${cell.text}${
            cell.detail === undefined ? nothing : markup`<span class="detail">${cell.detail}</span>`
          }`;
          return i === 0
            ? markup`<th scope="row"${className(...classes)}>${content}</th>`
            : markup`<td${className(...classes)}>${content}</td>`;
        })}</tr>`,
    )}</tbody></table>${note === undefined ? nothing : markup`<p class="small">${note}</p>`}`,
  )}`;
}

export function renderHeatTable(table: HeatTable): Markup {
  const { caption, columns, rows, totals } = table;
  return scroller(
    caption,
    markup`<table class="heat"><caption><span>${caption}</span></caption><thead>
<tr><td></td><th scope="colgroup" colspan="${columns.length}" class="over">${table.columnTitle}</th>${
      totals === true ? markup`<td></td>` : nothing
    }</tr>
<tr><th scope="col">${table.rowTitle}</th>${columns.map((label) => markup`<th scope="col" class="number">${label}</th>`)}${
      totals === true ? markup`<th scope="col" class="number">Total</th>` : nothing
    }</tr></thead><tbody>${rows.map(({ label, values }) => {
      const total = values.reduce((a, b) => a + b, 0);
      return markup`<tr><th scope="row">${label}</th>${values.map((value) => shaded(value, total))}${totals === true ? markup`<td class="number strong">${formatCount(total)}</td>` : nothing}</tr>`;
    })}</tbody></table>`,
  );
}

function shaded(value: number, whole: number): Markup {
  const part = whole > 0 ? value / whole : 0;
  return markup`<td class="number cell" style="--part:${part.toFixed(3)}">${formatCount(value)}<span class="detail">${(100 * part).toFixed(0)} %</span></td>`;
}

/** Wide tables scroll inside their own box, which the keyboard can reach, instead of widening the page. */
function scroller(caption: string, table: Markup): Markup {
  return markup`<div class="scroll" role="region" aria-label="${caption}" tabindex="0">${table}</div>
`;
}

function className(...names: readonly string[]): Markup {
  const used = names.filter((name) => name !== '');
  return used.length === 0 ? nothing : markup` class="${used.join(' ')}"`;
}
