/** The Markdown of model cards as blocks. */
import { describe, expect, it } from 'vitest';
import { markdownBlocks } from '../../../coordinator/console/pages/models/markdown-blocks.ts';

describe('the Markdown of a card', () => {
  it('is headings, paragraphs, lists and tables', () => {
    const text = [
      '# Model card: chest',
      'Two lines\nof one paragraph.',
      '- first\n- second',
      '- third, after an empty line',
      '| Metric | Value |\n| --- | --- |\n| auc | 0.9 |\n| a \\| b | `c` |',
    ].join('\n\n');
    expect(markdownBlocks(`${text}\n`)).toEqual([
      { kind: 'heading', text: 'Model card: chest' },
      { kind: 'paragraph', text: 'Two lines of one paragraph.' },
      { kind: 'list', items: ['first', 'second', 'third, after an empty line'] },
      {
        kind: 'table',
        header: ['Metric', 'Value'],
        rows: [
          ['auc', '0.9'],
          ['a \\| b', '`c`'],
        ],
      },
    ]);
  });

  it('keeps as text what is no block of it', () => {
    expect(markdownBlocks('<img src=x onerror=alert(1)>')).toEqual([
      { kind: 'paragraph', text: '<img src=x onerror=alert(1)>' },
    ]);
    expect(markdownBlocks('| no rule below |\n| a |')).toEqual([
      { kind: 'paragraph', text: '| no rule below | | a |' },
    ]);
    expect(markdownBlocks('')).toEqual([]);
  });
});
