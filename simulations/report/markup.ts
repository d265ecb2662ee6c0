/**
 * HTML and SVG text that cannot carry what others wrote: the `markup` tag escapes every string put into it, so that a
 * site or a class named "<script>" is shown as it is spelt. Only the
 * functions of this file make a `Markup`.
 */

const made = Symbol('markup');

export interface Markup {
  readonly text: string;
  readonly [made]: true;
}

/** `undefined` is nothing, which makes optional parts short to write. */
export type Content = string | number | Markup | readonly Markup[] | undefined;

/** Element content and quoted attribute values; not for script, style, comments or unquoted attributes. */
export function markup(parts: TemplateStringsArray, ...values: readonly Content[]): Markup {
  const text = parts.reduce((before, part, i) => before + textOf(values[i - 1]) + part);
  return { text, [made]: true };
}

export const nothing: Markup = { text: '', [made]: true };

export function join(parts: readonly Markup[]): Markup {
  return { text: parts.map(({ text }) => text).join(''), [made]: true };
}

/** Text of this program itself, such as its style sheet, taken as it is. Never for text from a file, a site or a person. */
export function verbatim(constant: string): Markup {
  return { text: constant, [made]: true };
}

function textOf(value: Content): string {
  if (value === undefined) return '';
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string') return escapeHtml(value);
  return 'text' in value ? value.text : join(value).text;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

/**
 * Escaped for element content and quoted attributes. Control characters, which HTML forbids, and the invisible ones that
 * reorder the text around them become U+FFFD.
 */
export function escapeHtml(text: string): string {
  return text
    .replace(/[&<>"'`]/g, (character) => ENTITIES[character] ?? '')
    .replace(/[^\P{Cc}\t\n]|[\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
}
