/**
 * The Markdown that the coordinator writes its cards in (headings, lists, tables, paragraphs, code) as elements of React,
 * and therefore never as anything that a name in it could turn into markup. Everything else is shown as it is spelt.
 */
import { Fragment, type ReactNode } from 'react';
import { markdownBlocks, type MarkdownBlock } from './markdown-blocks.ts';

export function MarkdownText({ text }: { readonly text: string }) {
  return (
    <div className="stack tight">
      {markdownBlocks(text).map((block, i) => (
        <Block key={i} block={block} place={i + 1} />
      ))}
    </div>
  );
}

interface BlockProps {
  readonly block: MarkdownBlock;
  /** From 1. */
  readonly place: number;
}

function Block({ block, place }: BlockProps) {
  switch (block.kind) {
    case 'heading':
      // The card stands below a heading of its own.
      return <h3>{inline(block.text)}</h3>;
    case 'list':
      return (
        <ul className="stack dense">
          {block.items.map((item, i) => (
            <li key={i}>{inline(item)}</li>
          ))}
        </ul>
      );
    case 'table':
      return <TableBlock block={block} place={place} />;
    case 'paragraph':
      return <p>{inline(block.text)}</p>;
  }
}

interface TableBlockProps {
  readonly block: Extract<MarkdownBlock, { kind: 'table' }>;
  readonly place: number;
}

function TableBlock({ block: { header, rows }, place }: TableBlockProps) {
  return (
    <div
      className="table-frame"
      tabIndex={0}
      role="region"
      aria-label={`Table in part ${String(place)} of the card`}
    >
      <table className="table">
        {header.some((cell) => cell !== '') && (
          <thead>
            <tr>
              {header.map((cell, i) => (
                <th key={i} scope="col">
                  {inline(cell)}
                </th>
              ))}
            </tr>
          </thead>
        )}
        <tbody>
          {rows.map((row, i) => (
            <tr key={i}>
              {row.map((cell, column) =>
                column === 0 ? (
                  <th key={column} scope="row" className="wraps">
                    {inline(cell)}
                  </th>
                ) : (
                  <td key={column} className="wraps">
                    {inline(cell)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Code between back-ticks; a backslash makes the next character plain. */
function inline(text: string): ReactNode {
  return text
    .split(/(`[^`]*`)/)
    .map((part, i) => (
      <Fragment key={i}>
        {part.startsWith('`') && part.endsWith('`') && part.length > 1 ? (
          <code className="wrap-anywhere">{part.slice(1, -1)}</code>
        ) : (
          part.replaceAll(/\\([\\`*_[\]<>|#&])/g, '$1')
        )}
      </Fragment>
    ));
}
