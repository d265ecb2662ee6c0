/** All figures of a model, with their intervals, in the order in which reports give them. */
import { formatEstimate, formatMetric } from '../../../../shared/format.ts';
import { LOSSES, METRIC_NAMES } from '../../../../shared/learning/metrics/evaluation.ts';
import { labelOf } from '../../../../shared/learning/metrics/labels.ts';
import { DataTable } from '../../../../shared/ui/data-table.tsx';
import { Empty } from '../../../../shared/ui/states.tsx';
import type { MetricsView } from '../../../http/api/metric-views.ts';

const losses: ReadonlySet<string> = LOSSES;

/** Those that everyone knows first; others, as of a later version, behind. */
function ordered(metrics: MetricsView): string[] {
  const known: readonly string[] = METRIC_NAMES;
  const rank = (name: string): number => (known.includes(name) ? known.indexOf(name) : known.length);
  return Object.keys(metrics).sort((a, b) => rank(a) - rank(b));
}

export function MetricsTable({ metrics }: { readonly metrics: MetricsView }) {
  return (
    <DataTable
      caption="Metrics"
      rows={ordered(metrics)}
      rowKey={(name) => name}
      minWidth={300}
      columns={[
        {
          ...{ key: 'metric', header: 'Metric', isRowHeader: true, wraps: true },
          cell: (name) => (
            <>
              {labelOf(name)}
              {losses.has(name) && <span className="quiet small"> lower is better</span>}
            </>
          ),
        },
        {
          ...{ key: 'value', header: 'Value (95 % interval)', isNumber: true, width: 190 },
          cell: (name) => {
            const estimate = metrics[name];
            if (!estimate) return formatMetric(undefined);
            const { value, interval } = estimate;
            return formatEstimate({ value, ...(interval && { interval }) });
          },
        },
      ]}
      empty={
        <Empty title="Not judged">
          The coordinator held no validation images when this model was published.
        </Empty>
      }
    />
  );
}
