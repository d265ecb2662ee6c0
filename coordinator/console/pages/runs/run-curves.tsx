/** Loss and scores by round with their intervals. */
import type { UseQueryResult } from '@tanstack/react-query';
import { useMemo } from 'react';
import { formatMetric } from '../../../../shared/format.ts';
import { METRIC_LABELS } from '../../../../shared/learning/metrics/labels.ts';
import { ChartCard } from '../../../../shared/ui/charts/chart-card.tsx';
import { CurveChart } from '../../../../shared/ui/charts/curve-chart.tsx';
import type { CurveSeries } from '../../../../shared/ui/charts/curve-data.ts';
import { Loaded } from '../../../../shared/ui/states.tsx';
import type { RoundPoint } from '../../../http/api/run-views.ts';

const SCORES = ['accuracy', 'balancedAccuracy', 'auc', 'macroF1'] as const;
const ROUND_AXIS = { label: 'Round', isWhole: true };
const NOT_YET =
  'No round has been published yet. The first figures appear here by themselves after the first one.';
const NOT_JUDGED =
  'No published round has been judged: the coordinator holds no validation images. Configure some to see scores.';

interface RunCurvesProps {
  readonly runId: string;
  readonly rounds: UseQueryResult<{ readonly rounds: readonly RoundPoint[] }>;
}

export function RunCurves({ runId, rounds }: RunCurvesProps) {
  return (
    <Loaded query={rounds} what="The rounds" rows={2} rowHeight={380}>
      {({ rounds: points }) => <Curves runId={runId} points={points} />}
    </Loaded>
  );
}

/** With its interval where there is one. */
function metricSeries(
  points: readonly RoundPoint[],
  name: keyof typeof METRIC_LABELS,
  label: string,
): CurveSeries {
  return {
    name: label,
    points: points.map(({ round, metrics }) => {
      const estimate = metrics[name];
      return { x: round, y: estimate?.value, low: estimate?.interval?.low, high: estimate?.interval?.high };
    }),
  };
}

const hasAny = ({ points }: CurveSeries): boolean => points.some(({ y }) => y !== undefined);

function lossSeries(points: readonly RoundPoint[]): CurveSeries[] {
  const validation = metricSeries(points, 'logLoss', 'Validation loss');
  const plain = points.map(({ round, loss }) => ({ x: round, y: loss ?? undefined }));
  const training = points.map(({ round, trainingLoss }) => ({ x: round, y: trainingLoss ?? undefined }));
  return [
    hasAny(validation) ? validation : { name: 'Validation loss', points: plain },
    { name: 'Training loss at the sites', points: training },
  ].filter(hasAny);
}

function Curves({ runId, points }: { readonly runId: string; readonly points: readonly RoundPoint[] }) {
  const losses = useMemo(() => lossSeries(points), [points]);
  const scores = useMemo(
    () => SCORES.map((name) => metricSeries(points, name, METRIC_LABELS[name])).filter(hasAny),
    [points],
  );
  const best = points.find(({ isBest }) => isBest);
  const shared = {
    x: ROUND_AXIS,
    empty: points.length === 0 ? NOT_YET : NOT_JUDGED,
    marker:
      best && points.length > 1 ? { x: best.round, label: `best: round ${String(best.round)}` } : undefined,
  };
  return (
    <div className="grid wide">
      <ChartCard>
        <CurveChart
          {...shared}
          title="Loss by round"
          description="On the coordinator's validation images, with 95 % intervals; at the sites without, where it is known."
          fileName={`${runId}-loss`}
          y={{ label: 'Loss (log loss)', format: formatMetric }}
          series={losses}
        />
      </ChartCard>
      <ChartCard>
        <CurveChart
          {...shared}
          title="Scores by round"
          description="On the coordinator's validation images, with 95 % intervals. The round with the best ROC AUC is kept."
          fileName={`${runId}-scores`}
          y={{ label: 'Score (0 to 1)', format: formatMetric }}
          series={scores}
        />
      </ChartCard>
    </div>
  );
}
