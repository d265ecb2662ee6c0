/** Reliability diagram (Guo et al. 2017, Fig. 1): whether a prediction made with a certain confidence is right that often. */
import { counted, formatMetric } from '../../format.ts';
import type { ReliabilityBin } from '../../learning/metrics/calibration.ts';
import { PlaneChart } from './plane-chart.tsx';

export interface CalibrationCurve {
  readonly name: string;
  readonly bins: readonly ReliabilityBin[];
  /** Expected calibration error, 0…1. */
  readonly error?: number | undefined;
}

interface CalibrationChartProps {
  readonly curves: readonly CalibrationCurve[];
  readonly fileName: string;
  readonly empty?: string;
}

interface FilledBin {
  readonly confidence: number;
  readonly accuracy: number;
  readonly count: number;
}

function filled(bins: readonly ReliabilityBin[]): FilledBin[] {
  return bins.flatMap(({ confidence, accuracy, count }) =>
    confidence === undefined || accuracy === undefined ? [] : [{ confidence, accuracy, count }],
  );
}

export function CalibrationChart({ curves, fileName, empty }: CalibrationChartProps) {
  return (
    <PlaneChart
      title="Calibration"
      description="Of the images predicted with a certain confidence, the share that is right. Below the dashed line the model is overconfident. Larger marks hold more images."
      fileName={fileName}
      x="Confidence"
      y="Share that is right"
      diagonal="perfect calibration"
      empty={empty ?? 'No model has been evaluated yet.'}
      series={curves.map(({ name, bins, error }) => {
        const used = filled(bins);
        const largest = used.reduce((most, { count }) => Math.max(most, count), 1);
        return {
          name,
          ...(error === undefined ? {} : { detail: `calibration error ${formatMetric(error)}` }),
          points: used.map(({ confidence, accuracy }) => [confidence, accuracy] as const),
          sizes: used.map(({ count }) => Math.sqrt(count / largest)),
          notes: used.map(({ count }) => counted(count, 'image')),
        };
      })}
      table={() => ({
        columns: ['Model', 'Confidence', 'Share that is right', 'Images'],
        rows: curves.flatMap(({ name, bins }) =>
          filled(bins).map(({ confidence, accuracy, count }) => [name, confidence, accuracy, count]),
        ),
      })}
    />
  );
}
