/** A few images, small: they are made by the agent when this page asks, and go nowhere else. */
import { useGet } from '../../../../shared/ui/data.tsx';
import { Card } from '../../../../shared/ui/panels.tsx';
import { Empty, Loaded } from '../../../../shared/ui/states.tsx';
import { SAMPLES, samplePath } from '../paths.ts';
import { useRefusal } from '../session.tsx';

const SIDE = 128;
/** Of one class, while the pictures are on their way. */
const ROW_HEIGHT = 120;

export function SamplesCard() {
  const refusal = useRefusal();
  const query = useGet(SAMPLES, ['data'], { isWanted: refusal === undefined });
  return (
    <Card
      title="A look at the images"
      detail="The same few every time, without names. They are made on this machine for this page only, and are stored nowhere."
    >
      {refusal === undefined ? (
        <Loaded query={query} what="The samples" rows={2} rowHeight={ROW_HEIGHT}>
          {({ groups }) =>
            groups.length === 0 ? (
              <Empty title="No samples">Scan again to see some.</Empty>
            ) : (
              <Groups groups={groups} />
            )
          }
        </Loaded>
      ) : (
        <Empty title="Not shown with this link">Images are shown to those who may decide.</Empty>
      )}
    </Card>
  );
}

interface Group {
  readonly label: string;
  readonly ids: readonly string[];
}

const Groups = ({ groups }: { readonly groups: readonly Group[] }) => (
  <div className="stack">
    {groups.map(({ label, ids }) => (
      <div key={label} className="stack tight">
        <h3>{label}</h3>
        <div className="samples">
          {ids.map((id, i) => (
            <img
              key={id}
              className="sample"
              src={samplePath(id)}
              width={SIDE}
              height={SIDE}
              loading="lazy"
              alt={`Sample ${String(i + 1)} of class ${label}`}
            />
          ))}
        </div>
      </div>
    ))}
  </div>
);
