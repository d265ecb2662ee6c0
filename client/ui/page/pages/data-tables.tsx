/** Classes and their balance, and the files that are not used. */
import { DataTable } from '../../../../shared/ui/data-table.tsx';
import { Card } from '../../../../shared/ui/panels.tsx';
import { Empty } from '../../../../shared/ui/states.tsx';
import { Count, Percent } from '../../../../shared/ui/values.tsx';
import type { DataView } from '../../views.ts';

type Manifest = NonNullable<DataView['manifest']>;
type ClassRow = Manifest['classes'][number];

export function ClassTable({ classes, imageCount }: Pick<Manifest, 'classes' | 'imageCount'>) {
  const shareOf = ({ images }: ClassRow): number => images / Math.max(1, imageCount);
  return (
    <Card title="Classes" isFlush>
      <DataTable
        caption="Images and patients of each class"
        minWidth={460}
        rows={classes}
        rowKey={({ name }) => name}
        empty={<Empty title="No class">Give every class a folder of its own, then scan.</Empty>}
        columns={[
          {
            key: 'name',
            header: 'Class',
            isRowHeader: true,
            width: 120,
            cell: ({ name }) => name,
            sortBy: ({ name }) => name,
          },
          {
            ...{ key: 'images', header: 'Images', width: 92, isNumber: true },
            cell: ({ images }) => <Count value={images} />,
            sortBy: ({ images }) => images,
          },
          {
            ...{ key: 'patients', header: 'Patients', width: 100, isNumber: true },
            cell: ({ patients }) => <Count value={patients} />,
            sortBy: ({ patients }) => patients,
          },
          {
            ...{ key: 'share', header: 'Share', width: 86, isNumber: true },
            cell: (row) => <Percent value={shareOf(row)} />,
            sortBy: shareOf,
          },
          {
            ...{ key: 'bar', header: 'Balance' },
            cell: (row) => (
              <span className="share-bar" aria-hidden="true">
                <span style={{ width: `${String(100 * shareOf(row))}%` }} />
              </span>
            ),
          },
        ]}
      />
    </Card>
  );
}

interface RejectedRow {
  readonly id: string;
  readonly file: string;
  readonly reason: string;
}

export function RejectedTable({ manifest: { rejected, rejectedCount } }: { readonly manifest: Manifest }) {
  const rows = rejected.map(({ file, reason }, i): RejectedRow => ({
    id: String(i),
    file: file ?? 'shown to administrators only',
    reason,
  }));
  const detail =
    rejectedCount > rejected.length
      ? `The first ${String(rejected.length)} of ${String(rejectedCount)}; all stand in cohort.json of the site's folder.`
      : 'Correct them and scan again, or leave them out.';
  return (
    <Card title="Not used" {...(rows.length > 0 && { detail })} isFlush>
      <DataTable
        caption="Files that are not used"
        rows={rows}
        rowKey={({ id }) => id}
        empty={<Empty title="Every image is used">No file was rejected.</Empty>}
        columns={[
          {
            ...{ key: 'file', header: 'File', isRowHeader: true, width: 200 },
            cell: ({ file }) => <span className="mono">{file}</span>,
            sortBy: ({ file }) => file,
          },
          { key: 'reason', header: 'Reason', cell: ({ reason }) => reason, sortBy: ({ reason }) => reason },
        ]}
      />
    </Card>
  );
}
