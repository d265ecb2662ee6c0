/** What every chart has around it: title, files, and the same figures as a table for those who do not see the drawing. */
import { useId, useState, type ReactNode } from 'react';
import { csvText } from '../../csv.ts';
import { formatNumber } from '../../format.ts';
import type { ChartTable } from './chart-table.ts';
import './charts.css';
import { downloadBlob, downloadText } from './download.ts';

interface ChartFrameProps {
  readonly title: string;
  /** What to make of it; a sentence or two. */
  readonly description?: string | undefined;
  /** Of the files, without their ending. */
  readonly fileName: string;
  readonly table: () => ChartTable;
  readonly png: () => Promise<Blob>;
  /** The drawing is a table itself, so that another one says nothing. */
  readonly isTable?: boolean;
  /** Nothing to draw yet: what to say instead. */
  readonly empty?: string | undefined;
  readonly controls?: ReactNode;
  readonly children: ReactNode;
}

/** As many rows as a person would read; the CSV file has all. */
const MAX_ROWS = 200;

export function ChartFrame(props: ChartFrameProps) {
  const titleId = useId();
  const [problem, setProblem] = useState<string>();
  const { title, description, fileName, table, png, empty } = props;
  const savePng = (): void => {
    setProblem(undefined);
    png()
      .then((blob) => {
        downloadBlob(blob, `${fileName}.png`);
      })
      .catch(() => {
        setProblem('The picture could not be made in this browser. The CSV file holds the same figures.');
      });
  };
  const saveCsv = (): void => {
    const { columns, rows } = table();
    downloadText(csvText(columns, rows), `${fileName}.csv`, 'text/csv');
  };
  return (
    <figure className="chart" aria-labelledby={titleId}>
      <div className="chart-head">
        <figcaption id={titleId}>{title}</figcaption>
        {empty === undefined && (
          <div className="chart-tools">
            {props.controls}
            <button type="button" onClick={savePng} aria-label={`Save “${title}” as PNG`}>
              PNG
            </button>
            <button type="button" onClick={saveCsv} aria-label={`Save “${title}” as CSV`}>
              CSV
            </button>
          </div>
        )}
      </div>
      {empty === undefined ? props.children : <p className="chart-empty">{empty}</p>}
      {description !== undefined && <p className="chart-note">{description}</p>}
      {problem !== undefined && (
        <p className="chart-note" role="alert">
          {problem}
        </p>
      )}
      {empty === undefined && props.isTable !== true && <Alternative table={table} title={title} />}
    </figure>
  );
}

function Alternative({ table, title }: { readonly table: () => ChartTable; readonly title: string }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details
      className="chart-alternative"
      onToggle={(event) => {
        setOpen(event.currentTarget.open);
      }}
    >
      <summary>Figures as a table</summary>
      {isOpen && <FigureTable table={table()} title={title} />}
    </details>
  );
}

function FigureTable({ table: { columns, rows }, title }: { table: ChartTable; title: string }) {
  const rest = rows.length - MAX_ROWS;
  return (
    <div className="chart-scroll" tabIndex={0} role="region" aria-label={`${title}, table`}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, MAX_ROWS).map((row, i) => (
            // Rows have no name of their own and are only ever replaced together.
            <tr key={i}>
              {row.map((field, column) => (
                <td key={columns[column]} className={typeof field === 'number' ? 'chart-number' : undefined}>
                  {typeof field === 'number' ? formatNumber(field) : (field ?? '–')}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rest > 0 && <p className="chart-note">{`${String(rest)} more rows are in the CSV file.`}</p>}
    </div>
  );
}
