/** ROC curves: how many of the ill are found at the price of how many false alarms, at every threshold. */
import { formatEstimate } from '../../format.ts';
import type { CurvePoint, Estimate } from '../../learning/metrics/evaluation.ts';
import { PlaneChart } from './plane-chart.tsx';

export interface RocCurve {
  /** Of the class, or of the model. Unique. */
  readonly name: string;
  readonly auc?: Estimate | undefined;
  /** [false positive rate, true positive rate] */
  readonly points: readonly CurvePoint[];
}

interface RocChartProps {
  readonly curves: readonly RocCurve[];
  readonly fileName: string;
  readonly title?: string;
  readonly description?: string;
  readonly empty?: string;
}

export function RocChart({ curves, fileName, title = 'ROC curve', ...texts }: RocChartProps) {
  return (
    <PlaneChart
      title={title}
      description={
        texts.description ??
        'Each class against the rest. The further a curve bends to the upper left, the better.'
      }
      fileName={fileName}
      x="False positive rate"
      y="True positive rate"
      diagonal="chance"
      empty={texts.empty ?? 'No model has been evaluated yet.'}
      series={curves.map(({ name, auc, points }) => ({
        ...{ name, points },
        ...(auc === undefined ? {} : { detail: `AUC ${formatEstimate(auc)}` }),
      }))}
      table={() => ({
        columns: ['Curve', 'False positive rate', 'True positive rate'],
        rows: curves.flatMap(({ name, points }) => points.map(([x, y]) => [name, x, y])),
      })}
    />
  );
}
