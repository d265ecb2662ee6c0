/** The colours of the pages: those of the reports, and readable (WCAG 2.2, 1.4.3 and 1.4.11) in both themes. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DARK, LIGHT } from '../../../shared/palette.ts';

const css = readFileSync(new URL('../../../shared/ui/tokens.css', import.meta.url), 'utf8');

function tokensOf(selector: string): ReadonlyMap<string, string> {
  const begin = css.indexOf(`${selector} {`);
  const block = css.slice(begin, css.indexOf('}', begin));
  return new Map(
    [...block.matchAll(/--([a-z0-9-]+): (#[0-9a-f]{6});/g)].map(([, name = '', value = '']) => [name, value]),
  );
}

const themes = { light: tokensOf(':root'), dark: tokensOf(":root[data-theme='dark']") };

/** Relative luminance of an sRGB colour (WCAG 2.2, "relative luminance"). */
function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5]
    .map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return ((high ?? 0) + 0.05) / ((low ?? 0) + 0.05);
}

const GROUNDS = ['page', 'surface', 'sunken'] as const;
const TEXTS = [
  ...['text', 'quiet', 'accent', 'accent-hover', 'bad'].flatMap((text) =>
    GROUNDS.map((ground) => [text, ground]),
  ),
  ...['good', 'warn', 'bad'].flatMap((tone) => [
    [tone, `${tone}-soft`],
    ['text', `${tone}-soft`],
  ]),
  ['accent', 'accent-soft'],
  ['text', 'information'],
  ['on-accent', 'accent'],
  ['on-accent', 'accent-hover'],
  ['on-bad', 'bad'],
  ['on-bad', 'bad-hover'],
] as const;

describe.each(['light', 'dark'] as const)('%s', (theme) => {
  const tokens = themes[theme];
  const colour = (name: string): string => {
    const value = tokens.get(name);
    if (value === undefined) throw new Error(`there is no --${name}`);
    return value;
  };

  it('has the colours of the reports', () => {
    const report = theme === 'light' ? LIGHT : DARK;
    for (const [name, value] of Object.entries(report))
      expect(`${name} ${colour(name)}`).toBe(`${name} ${value}`);
  });

  it('has text that can be read', () => {
    const faint = TEXTS.filter(([text = '', ground = '']) => contrast(colour(text), colour(ground)) < 4.5);
    expect(faint).toEqual([]);
  });

  it('has edges of controls and lines of charts that can be seen', () => {
    const names = ['strong-rule', 'accent', ...Array.from({ length: 8 }, (_, i) => `s${String(i)}`)];
    const faint = names.filter((name) => contrast(colour(name), colour('surface')) < 3);
    expect(faint).toEqual([]);
  });
});

it('counts contrast as the standard does', () => {
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 6);
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2);
});
