/**
 * A table of records: real rows and cells, columns of fixed width so that nothing moves while it is live, sortable, and
 * with only the visible rows in the document once there are many.
 */
import { useVirtualizer } from '@tanstack/react-virtual';
import { useMemo, useState, type ReactNode } from 'react';
import { Icon } from './icons.tsx';
import { nextSorting, sortRows, type Sorting, type SortValue } from './table-order.ts';

export interface Column<Row> {
  readonly key: string;
  readonly header: string;
  readonly cell: (row: Row) => ReactNode;
  /** Makes the column sortable. */
  readonly sortBy?: (row: Row) => SortValue;
  readonly isNumber?: boolean;
  /** The row's name: at most one column. */
  readonly isRowHeader?: boolean;
  /** In px; the columns without one share what is left. */
  readonly width?: number;
  /** Several lines where one is not enough; not in tables of more than a hundred rows. */
  readonly wraps?: boolean;
}

export interface DataTableProps<Row> {
  /** Read out before the table; not seen. */
  readonly caption: string;
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly rowKey: (row: Row) => string;
  /** In the place of a table without rows. */
  readonly empty: ReactNode;
  readonly initialSorting?: Sorting;
  /** In px: below it the table scrolls sideways by itself. */
  readonly minWidth?: number;
  /** Called when the last rows come into view. */
  readonly onNearEnd?: () => void;
}

/** Above so many rows only the visible ones are in the document. */
const VIRTUAL_FROM = 100;
/** As in tokens.css. */
const ROW_PX = 44;
const OVERSCAN = 12;
/** The least width of a column without one. */
const FLEXIBLE_PX = 160;

export function DataTable<Row>(props: DataTableProps<Row>) {
  const { rows, columns, initialSorting, empty, caption } = props;
  const [sorting, setSorting] = useState(initialSorting);
  // Known only once it is in the document: then the visible rows are found anew.
  const [frame, setFrame] = useState<HTMLDivElement | null>(null);
  const sortBy = columns.find(({ key }) => key === sorting?.key)?.sortBy;
  const sorted = useMemo(
    () => (sortBy ? sortRows(rows, sortBy, sorting?.isDescending ?? false) : rows),
    [rows, sortBy, sorting],
  );
  if (rows.length === 0) return <>{empty}</>;
  const isVirtual = rows.length > VIRTUAL_FROM;
  const least = columns.reduce((sum, { width = FLEXIBLE_PX }) => sum + width, 0);
  return (
    // Scrolls by itself, therefore reachable by keyboard.
    <div
      ref={setFrame}
      className={isVirtual ? 'table-frame tall' : 'table-frame'}
      role="group"
      aria-label={caption}
      tabIndex={0}
    >
      <table className="table" style={{ minWidth: props.minWidth ?? least }} aria-rowcount={rows.length + 1}>
        <caption>{caption}</caption>
        <colgroup>
          {columns.map(({ key, width }) => (
            <col key={key} style={width === undefined ? {} : { width }} />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((column) => (
              <Head
                key={column.key}
                column={column}
                sorting={sorting}
                onSort={() => {
                  setSorting(nextSorting(sorting, column.key));
                }}
              />
            ))}
          </tr>
        </thead>
        {isVirtual ? (
          <VirtualBody {...props} sorted={sorted} frame={frame} />
        ) : (
          <tbody>
            {sorted.map((row, i) => (
              <Line key={props.rowKey(row)} row={row} columns={columns} index={i} />
            ))}
          </tbody>
        )}
      </table>
    </div>
  );
}

interface HeadProps<Row> {
  readonly column: Column<Row>;
  readonly sorting: Sorting | undefined;
  readonly onSort: () => void;
}

function Head<Row>({ column, sorting, onSort }: HeadProps<Row>) {
  const { key, header, sortBy, isNumber } = column;
  const isSorted = sorting?.key === key && sortBy !== undefined;
  const direction = sorting?.isDescending === true ? 'descending' : 'ascending';
  return (
    <th
      scope="col"
      className={isNumber === true ? 'number' : ''}
      aria-sort={isSorted ? direction : undefined}
    >
      {sortBy ? (
        <button type="button" className="sort" onClick={onSort}>
          {header}
          <Icon name={isSorted && direction === 'descending' ? 'down' : 'up'} size={12} />
        </button>
      ) : (
        header
      )}
    </th>
  );
}

interface LineProps<Row> {
  readonly row: Row;
  readonly columns: readonly Column<Row>[];
  readonly index: number;
}

function Line<Row>({ row, columns, index }: LineProps<Row>) {
  return (
    <tr aria-rowindex={index + 2}>
      {columns.map(({ key, cell, isNumber, isRowHeader, wraps }) => {
        const className = [isNumber === true ? 'number' : '', wraps === true ? 'wraps' : ''].join(' ').trim();
        return isRowHeader === true ? (
          <th key={key} scope="row" className={className}>
            {cell(row)}
          </th>
        ) : (
          <td key={key} className={className}>
            {cell(row)}
          </td>
        );
      })}
    </tr>
  );
}

interface VirtualBodyProps<Row> extends DataTableProps<Row> {
  readonly sorted: readonly Row[];
  readonly frame: HTMLDivElement | null;
}

function VirtualBody<Row>({ sorted, columns, rowKey, frame, onNearEnd }: VirtualBodyProps<Row>) {
  const virtualizer = useVirtualizer({
    count: sorted.length,
    getScrollElement: () => frame,
    estimateSize: () => ROW_PX,
    overscan: OVERSCAN,
    onChange: ({ range }) => {
      if (range && range.endIndex >= sorted.length - OVERSCAN) onNearEnd?.();
    },
  });
  const items = virtualizer.getVirtualItems();
  const above = items[0]?.start ?? 0;
  const below = virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0);
  return (
    <tbody>
      <Spacer height={above} columns={columns.length} />
      {items.map(({ index }) => {
        const row = sorted[index];
        return row === undefined ? null : (
          <Line key={rowKey(row)} row={row} columns={columns} index={index} />
        );
      })}
      <Spacer height={below} columns={columns.length} />
    </tbody>
  );
}

function Spacer({ height, columns }: { readonly height: number; readonly columns: number }) {
  if (height <= 0) return null;
  return (
    <tr className="spacer" aria-hidden="true">
      <td colSpan={columns} style={{ height }} />
    </tr>
  );
}
