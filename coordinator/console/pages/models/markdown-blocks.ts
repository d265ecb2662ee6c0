/** The blocks of the Markdown that model cards are written in: headings, lists, tables (GFM §4.10), paragraphs. */

export type MarkdownBlock =
  | { readonly kind: 'heading'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly string[] }
  | {
      readonly kind: 'table';
      readonly header: readonly string[];
      readonly rows: readonly (readonly string[])[];
    }
  | { readonly kind: 'paragraph'; readonly text: string };

const HEADING = /^#{1,6} (.*)$/;
const ITEM = /^[-*] (.*)$/;
const RULE = /^\|[\s|:-]+\|$/;

/** The cells between bars; a bar after a backslash is text. */
function cellsOf(line: string): string[] {
  const cells = line.trim().split(/(?<!\\)\|/);
  return cells.slice(1, -1).map((cell) => cell.trim());
}

function blockOf(lines: readonly string[]): MarkdownBlock {
  const first = lines[0] ?? '';
  const heading = HEADING.exec(first);
  if (heading && lines.length === 1) return { kind: 'heading', text: heading[1] ?? '' };
  if (lines.every((line) => ITEM.test(line)))
    return { kind: 'list', items: lines.map((line) => ITEM.exec(line)?.[1] ?? '') };
  if (first.startsWith('|') && RULE.test(lines[1] ?? ''))
    return { kind: 'table', header: cellsOf(first), rows: lines.slice(2).map(cellsOf) };
  return { kind: 'paragraph', text: lines.join(' ') };
}

/** Blocks are parted by empty lines; list items may be too, and are brought together. */
export function markdownBlocks(text: string): readonly MarkdownBlock[] {
  const blocks = text
    .split(/\n\s*\n/)
    .map((part) => part.split('\n').filter((line) => line.trim() !== ''))
    .filter((lines) => lines.length > 0)
    .map(blockOf);
  return blocks.reduce<MarkdownBlock[]>((done, block) => {
    const last = done.at(-1);
    if (block.kind === 'list' && last?.kind === 'list')
      return [...done.slice(0, -1), { kind: 'list', items: [...last.items, ...block.items] }];
    return [...done, block];
  }, []);
}
