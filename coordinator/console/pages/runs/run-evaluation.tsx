/** What the model of one round can do on the coordinator's images: confusion, ROC, calibration, all figures. */
import { useState } from 'react';
import { formatMetric } from '../../../../shared/format.ts';
import { CLASS_METRIC_LABELS } from '../../../../shared/learning/metrics/labels.ts';
import { useGet } from '../../../../shared/ui/data.tsx';
import { CalibrationChart } from '../../../../shared/ui/charts/calibration-chart.tsx';
import { ChartCard } from '../../../../shared/ui/charts/chart-card.tsx';
import { ConfusionMatrix } from '../../../../shared/ui/charts/heat-map.tsx';
import { IntervalBars } from '../../../../shared/ui/charts/interval-bars.tsx';
import { RocChart } from '../../../../shared/ui/charts/roc-chart.tsx';
import { Select } from '../../../../shared/ui/form.tsx';
import { Card } from '../../../../shared/ui/panels.tsx';
import { Empty, ErrorPanel, Loading } from '../../../../shared/ui/states.tsx';
import { ApiError } from '../../../../shared/ui/query.ts';
import type { EvaluationView } from '../../../http/api/metric-views.ts';
import type { RoundPoint } from '../../../http/api/run-views.ts';
import { evaluationPath } from '../../run-paths.ts';
import { MetricsTable } from '../models/metrics-table.tsx';

interface RunEvaluationProps {
  readonly runId: string;
  readonly points: readonly RoundPoint[];
}

function choicesOf(points: readonly RoundPoint[]) {
  const best = points.find(({ isBest }) => isBest);
  const last = points.at(-1);
  return [
    { value: 'best', label: best ? `Best model (round ${String(best.round)})` : 'Best model' },
    { value: 'last', label: last ? `Last model (round ${String(last.round)})` : 'Last model' },
    ...points.toReversed().map(({ round }) => ({ value: String(round), label: `Round ${String(round)}` })),
  ];
}

export function RunEvaluation({ runId, points }: RunEvaluationProps) {
  const [which, setWhich] = useState('best');
  const evaluation = useGet(evaluationPath(runId, which), [`run:${runId}`], { isWanted: points.length > 0 });
  if (points.length === 0) return null;
  const isAbsent = evaluation.error instanceof ApiError && evaluation.error.status === 404;
  return (
    <div className="stack">
      <div className="cluster spread section-head">
        <h2>Evaluation</h2>
        <Select label="Model" value={which} options={choicesOf(points)} onChange={setWhich} />
      </div>
      {evaluation.data ? (
        <EvaluationCharts evaluation={evaluation.data} fileName={`${runId}-${which}`} />
      ) : isAbsent ? (
        <Empty title="This model has not been judged">
          The coordinator holds no validation images of this plan&apos;s classes. Configure some to see its
          figures.
        </Empty>
      ) : evaluation.error ? (
        <ErrorPanel
          error={evaluation.error}
          what="The evaluation"
          onRetry={() => {
            void evaluation.refetch();
          }}
        />
      ) : (
        <Loading what="the evaluation" rows={2} rowHeight={400} />
      )}
    </div>
  );
}

interface EvaluationChartsProps {
  readonly evaluation: EvaluationView;
  /** Of the charts' files, without their ending. */
  readonly fileName: string;
}

/** Of two classes the curve of the first one mirrors that of the second. */
function curvesOf({ classes }: EvaluationView) {
  return (classes.length === 2 ? classes.slice(1) : classes).filter(({ roc }) => roc.length > 0);
}

export function EvaluationCharts({ evaluation, fileName }: EvaluationChartsProps) {
  const { classNames, confusion, classes, calibration, metrics, exampleCount, patientCount } = evaluation;
  const positive = classes.length === 2 ? classes[1]?.name : undefined;
  const patients = patientCount === null ? '' : ` of ${String(patientCount)} patients`;
  return (
    <div className="grid wide">
      <Card
        title={`Figures of round ${String(evaluation.round)}`}
        detail={`On ${String(exampleCount)} images${patients} that the coordinator holds out, with 95 % intervals.`}
        isFlush
      >
        <MetricsTable metrics={metrics} />
      </Card>
      <ChartCard>
        <ConfusionMatrix classNames={classNames} counts={confusion} fileName={`${fileName}-confusion`} />
        <IntervalBars
          title="Sensitivity by class"
          description="Share of the images of a class that are recognised, with 95 % intervals."
          fileName={`${fileName}-sensitivity`}
          axis={CLASS_METRIC_LABELS.recall}
          domain={[0, 1]}
          format={formatMetric}
          rows={classes.map((one) => ({
            label: one.name,
            value: one.metrics['recall']?.value,
            low: one.metrics['recall']?.interval?.low,
            high: one.metrics['recall']?.interval?.high,
          }))}
          empty="Not measured for this model."
        />
      </ChartCard>
      <ChartCard>
        <RocChart
          fileName={`${fileName}-roc`}
          {...(positive !== undefined && {
            description: `Positive class: ${positive}. The further the curve bends to the upper left, the better.`,
          })}
          empty="Curves are kept of the best and of the last model: choose one of them."
          curves={curvesOf(evaluation).map((one) => ({
            name: one.name,
            points: one.roc,
            auc: one.metrics['auc'] && {
              value: one.metrics['auc'].value,
              ...(one.metrics['auc'].interval && { interval: one.metrics['auc'].interval }),
            },
          }))}
        />
      </ChartCard>
      <ChartCard>
        <CalibrationChart
          fileName={`${fileName}-calibration`}
          curves={[
            {
              name: 'Model',
              error: metrics['calibrationError']?.value,
              bins: calibration.map(({ confidence, accuracy, ...bin }) => ({
                ...bin,
                confidence: confidence ?? undefined,
                accuracy: accuracy ?? undefined,
              })),
            },
          ]}
        />
      </ChartCard>
    </div>
  );
}
