/** The report as a document: escaped, self-contained, balanced, accessible, legible in both themes. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { federationReport } from '../../../simulations/report/federation-report.ts';
import { escapeHtml, markup } from '../../../simulations/report/markup.ts';
import type { LineChart, ReportModel } from '../../../simulations/report/model.ts';
import { renderReport } from '../../../simulations/report/render-report.ts';
import { DARK, LIGHT } from '../../../shared/palette.ts';
import { trainReport } from '../../../simulations/report/train-report.ts';
import { exampleFederation, exampleTraining, lesionNames } from './example-results.ts';

/** The same examples in every run; a failure prints them. */
fc.configureGlobal({ seed: 2017 });

const documents = {
  'one seed, two classes': renderReport(trainReport(exampleTraining({}))),
  'three seeds, seven classes': renderReport(
    trainReport(exampleTraining({ seeds: [1, 2, 3], classNames: lesionNames })),
  ),
  'five sites': renderReport(federationReport(exampleFederation({ sites: 5 }))),
  'twenty sites': renderReport(
    federationReport(exampleFederation({ sites: 20, classNames: ['normal', 'pneumonia'] })),
  ),
};

const VOID = new Set(['meta', 'path', 'circle']);

/** Tags that do not close where they should. */
function unbalanced(html: string): string[] {
  const open: string[] = [];
  const wrong: string[] = [];
  for (const [, closing, name = ''] of html.matchAll(/<(\/?)([a-z][a-z0-9]*)\b[^>]*>/g)) {
    if (VOID.has(name)) continue;
    if (closing === '') open.push(name);
    else if (open.pop() !== name) wrong.push(name);
  }
  return [...wrong, ...open];
}

describe.each(Object.entries(documents))('%s', (_name, html) => {
  it('is one balanced document', () => {
    expect(html.startsWith('<!doctype html>')).toBe(true);
    expect(unbalanced(html.replace(/<style>[^<]*<\/style>/, ''))).toEqual([]);
  });

  it('asks for nothing from anywhere and runs nothing', () => {
    expect(html).not.toMatch(/<(script|link|img|iframe|object|embed|base|form)\b/i);
    expect(html).not.toMatch(/(https?:)?\/\/[a-z]/i);
    expect(html).not.toMatch(/url\(|@import|\son[a-z]+=/i);
    expect(html).toContain(`content="default-src 'none'; img-src data:; style-src 'unsafe-inline'"`);
  });

  it('names every chart and every table, with ids that are unique and exist', () => {
    const ids = [...html.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const charts = [...html.matchAll(/<svg[^>]*role="img"[^>]*aria-labelledby="([^"]+)"/g)];
    expect(charts.length).toBeGreaterThan(4);
    for (const [, named = ''] of charts) for (const id of named.split(' ')) expect(ids).toContain(id);
    expect(html.match(/<svg/g)?.length).toBe(
      charts.length + (html.match(/<svg[^>]*aria-hidden="true"/g)?.length ?? 0),
    );
    expect(html.match(/<table/g)?.length).toBe(html.match(/<caption>./g)?.length);
    for (const [, target] of html.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(target);
  });

  it('draws no NaN and prints no undefined', () => {
    expect(html).not.toMatch(/NaN|undefined|Infinity|\[object/);
  });
});

describe('what others wrote', () => {
  const attack = `</title><script>alert(1)</script><img src=x onerror='alert(2)'>"onload="alert(3)&\`\${x}/*style*/`;

  it('is shown as spelt, wherever names of sites, classes, reasons and settings go', () => {
    const federation = exampleFederation({ sites: 3, classNames: [attack, 'other', attack] });
    const result = {
      ...federation,
      title: attack,
      notes: [attack],
      plan: { [attack]: attack },
      weightsDigest: attack,
      sites: federation.sites.map((site) => ({ ...site, name: attack })),
      timings: [{ phase: attack, durationMs: 1 }],
      rounds: federation.rounds.map((round) => ({
        ...round,
        dropped: [{ site: attack, reason: attack }],
        validation: { [attack]: 0.5 },
        sites: [{ site: attack, loss: 1 }],
      })),
      test: {
        ...federation.test,
        local: (federation.test.local ?? []).map((own) => ({ ...own, site: attack })),
      },
    };
    const html = renderReport(federationReport(result));
    expect(html).not.toMatch(/<script|<img|'alert|"alert|"onload/);
    expect(html.match(/<style>/g)).toHaveLength(1);
    expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(unbalanced(html.replace(/<style>[^<]*<\/style>/, ''))).toEqual([]);
  });

  const hostile = fc.constantFrom(
    '<',
    '>',
    '"',
    "'",
    '`',
    '&',
    ';',
    '#',
    'a',
    'é',
    '日',
    '/',
    '=',
    '\0',
    '\u202e',
    '\n',
  );

  it('never leaves a character with a meaning in HTML', () => {
    fc.assert(
      fc.property(fc.string({ unit: hostile }), (text) => {
        expect(escapeHtml(text).replaceAll(/&(amp|lt|gt|quot|#39|#96);/g, '')).not.toMatch(/[<>"'`&]/);
        expect(markup`<p title="${text}">${text}</p>`.text.match(/[<>]/g)).toHaveLength(4);
      }),
    );
  });

  it('cannot reorder the text around it or hide control characters', () => {
    expect(escapeHtml('a\u202eb\u0000c\u2066')).toBe('a\ufffdb\ufffdc\ufffd');
    expect(escapeHtml('Zürich\t日本')).toBe('Zürich\t日本');
  });
});

/** WCAG 2.2: relative luminance, contrast ratio. */
function contrast(a: string, b: string): number {
  const luminance = (colour: string): number => {
    const [red = 0, green = 0, blue = 0] = [1, 3, 5]
      .map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high + 0.05) / (low + 0.05);
}

describe.each([
  ['light', LIGHT],
  ['dark', DARK],
])('the %s theme', (_name, theme) => {
  it('has text with a contrast of at least 4.5', () => {
    for (const background of ['page', 'surface', 'warning', 'information', 'heat'] as const) {
      expect(contrast(theme.text, theme[background]), background).toBeGreaterThanOrEqual(4.5);
    }
    for (const background of ['page', 'surface'] as const) {
      expect(contrast(theme.quiet, theme[background])).toBeGreaterThanOrEqual(4.5);
      expect(contrast(theme.accent, theme[background])).toBeGreaterThanOrEqual(4.5);
    }
  });

  it('has curves with a contrast of at least 3', () => {
    for (const colour of ['s0', 's1', 's2', 's3', 's4', 's5', 's6', 's7'] as const) {
      expect(contrast(theme[colour], theme.surface), colour).toBeGreaterThanOrEqual(3);
    }
  });
});

describe('charts', () => {
  const chart = (part: Partial<LineChart>): string => {
    const model: ReportModel = {
      title: 'test',
      notes: [],
      figures: [],
      sections: [
        {
          title: 'section',
          blocks: [
            {
              kind: 'lines',
              title: 'chart',
              description: 'what it shows.',
              x: { label: 'x', domain: [0, 1] },
              y: { label: 'y', domain: [0, 1] },
              series: [],
              ...part,
            },
          ],
        },
      ],
    };
    return renderReport(model);
  };
  const lines = (html: string): string[] =>
    [...html.matchAll(/class="line" d="([^"]+)"/g)].map(([, d]) => d ?? '');

  it('puts the corners of the plane where the axes are', () => {
    const points = [
      { x: 0, y: 0 },
      { x: 1, y: 1 },
    ];
    // Labels "0.0" take 3 × 8 units beside the title's 32; the plane ends 14 and 50 units from the edges of 420 × 300.
    expect(lines(chart({ series: [{ name: 'a', points }] }))).toEqual(['M56,250L406,12']);
  });

  it('leaves a gap where a value is missing, and shows a lone point', () => {
    const gap = chart({
      series: [
        {
          name: 'a',
          points: [{ x: 0, y: 0 }, { x: 0.2, y: 0 }, { x: 0.5 }, { x: 0.8, y: 0 }, { x: 1, y: 0 }],
        },
      ],
    });
    expect(lines(gap)[0]?.match(/M/g)).toHaveLength(2);
    expect(chart({ series: [{ name: 'a', points: [{ x: 0.5, y: 0.5 }] }] })).toContain('<circle');
  });

  it('draws constant, empty and diverged data without breaking', () => {
    const y = { label: 'y' };
    const constant = chart({
      x: { label: 'x', whole: true },
      y,
      series: [{ name: 'a', points: [{ x: 1, y: 2 }] }],
    });
    const empty = chart({ x: { label: 'x' }, y, series: [] });
    const diverged = chart({
      y,
      series: [
        {
          name: 'a',
          points: [
            { x: 0, y: 1 },
            { x: 0.5, y: NaN },
            { x: 1, y: Infinity, low: NaN, high: 1 },
          ],
        },
      ],
    });
    for (const html of [constant, empty, diverged]) expect(html).not.toMatch(/NaN|Infinity/);
  });

  it('says in words where each curve ends', () => {
    expect(chart({ series: [{ name: 'a', points: [{ x: 0.5, y: 0.25 }] }] })).toContain(
      'what it shows. · a ends at 0.25 (x = 0.5)',
    );
  });
});
