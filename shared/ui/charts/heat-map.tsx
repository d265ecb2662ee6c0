/** Counts in rows and columns as a real table whose cells are shaded; the confusion matrix and the classes of sites. */
import { formatCount, formatPercent } from '../../format.ts';
import { ChartFrame } from './chart-frame.tsx';
import { pictureToPng } from './chart-png.ts';
import { heatTable, shades, type HeatRow, type ShadeBy } from './heat-cells.ts';
import { drawHeat, heatPictureSize } from './heat-picture.ts';
import { usePalette } from './palette.ts';
import { translucent } from './series-style.ts';

interface HeatMapProps {
  readonly title: string;
  readonly description?: string;
  readonly fileName: string;
  readonly rowTitle: string;
  readonly columnTitle: string;
  readonly columns: readonly string[];
  readonly rows: readonly HeatRow[];
  readonly shadeBy?: ShadeBy;
  /** Adds each cell's share of its row. */
  readonly hasShares?: boolean;
  /** Row i and column i mean the same, and are the same cell to look for. */
  readonly hasDiagonal?: boolean;
  readonly empty: string;
}

/** A table beyond this many cells is slow and nobody reads it; the CSV file has all of them. */
const MAX_CELLS = 6000;

export function HeatMap(props: HeatMapProps) {
  const { title, rowTitle, columnTitle, columns, rows, shadeBy = 'greatest' } = props;
  const palette = usePalette();
  const shownColumns = columns.slice(0, Math.max(1, Math.floor(MAX_CELLS / Math.max(1, rows.length))));
  const shownRows = rows.slice(0, Math.floor(MAX_CELLS / Math.max(1, shownColumns.length)));
  const isCut = shownColumns.length < columns.length || shownRows.length < rows.length;
  const shade = shades(rows, shadeBy);
  const shares = shades(rows, 'row');
  const picture = { columns: shownColumns, rows: shownRows };
  const note = isCut ? 'Only a part is shown; the CSV file has everything.' : undefined;
  return (
    <ChartFrame
      title={title}
      description={[props.description, note].filter((text) => text !== undefined).join(' ') || undefined}
      fileName={props.fileName}
      isTable
      table={() => heatTable(rowTitle, columns, rows)}
      png={() =>
        pictureToPng({
          ...{ title, palette, ...heatPictureSize(picture) },
          draw: (context) => {
            context.font = '13px system-ui, sans-serif';
            drawHeat(context, { ...picture, columnTitle, shade, palette });
          },
        })
      }
      empty={columns.length === 0 || rows.length === 0 ? props.empty : undefined}
    >
      <div className="chart-scroll tall" tabIndex={0} role="region" aria-label={`${title}, table`}>
        <table className="chart-heat">
          <thead>
            <tr>
              <td />
              <th className="chart-over" colSpan={shownColumns.length} scope="colgroup">
                {columnTitle}
              </th>
            </tr>
            <tr>
              <th scope="col">{rowTitle}</th>
              {shownColumns.map((name) => (
                <th key={name} scope="col">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shownRows.map(({ label, values }, row) => (
              <tr key={label}>
                <th scope="row">{label}</th>
                {shownColumns.map((name, column) => (
                  <td
                    key={name}
                    className={props.hasDiagonal === true && row === column ? 'chart-diagonal' : undefined}
                    style={{ backgroundColor: translucent(palette.heat, shade[row]?.[column] ?? 0) }}
                  >
                    {values[column] === undefined ? '–' : formatCount(values[column])}
                    {props.hasShares === true && <small>{formatPercent(shares[row]?.[column] ?? 0)}</small>}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </ChartFrame>
  );
}

interface ConfusionMatrixProps {
  readonly classNames: readonly string[];
  /** Row: true class; column: predicted class. */
  readonly counts: readonly (readonly number[])[];
  readonly fileName: string;
  readonly title?: string;
  readonly empty?: string;
}

export function ConfusionMatrix({ classNames, counts, fileName, title, empty }: ConfusionMatrixProps) {
  return (
    <HeatMap
      title={title ?? 'Confusion matrix'}
      description="Images, and their share of the true class. What is right stands on the diagonal."
      fileName={fileName}
      rowTitle="True class"
      columnTitle="Predicted class"
      columns={classNames}
      rows={classNames.map((label, i) => ({ label, values: counts[i] ?? [] }))}
      shadeBy="row"
      hasShares
      hasDiagonal
      empty={empty ?? 'No model has been evaluated yet.'}
    />
  );
}
