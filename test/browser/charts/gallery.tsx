/** Every chart once, with figures that are known to the test beside it. */
import { useState } from 'react';
import { createRoot } from 'react-dom/client';
import { Button } from '../../../shared/ui/button.tsx';
import { CalibrationChart } from '../../../shared/ui/charts/calibration-chart.tsx';
import { CurveChart } from '../../../shared/ui/charts/curve-chart.tsx';
import { ConfusionMatrix, HeatMap } from '../../../shared/ui/charts/heat-map.tsx';
import { IntervalBars } from '../../../shared/ui/charts/interval-bars.tsx';
import { PhaseTimeline } from '../../../shared/ui/charts/phase-timeline.tsx';
import { RocChart } from '../../../shared/ui/charts/roc-chart.tsx';
import '../../../shared/ui/style.css';
import { chooseTheme } from '../../../shared/ui/theme.ts';

const HOSTILE = '<img src=x onerror="stolen=1">';
const CLASSES = ['normal', HOSTILE];
const SITES = Array.from({ length: 200 }, (_, i) => `site-${String(i + 1)}`);
const PHASES = [
  { phase: 'keys', label: 'Keys' },
  { phase: 'training', label: 'Training' },
];
const LAST_ROUND = 6;
const ROUND_MS = 60_000;

const SPANS = SITES.flatMap((row, i) =>
  Array.from({ length: LAST_ROUND }, (_, r) => {
    const startMs = r * ROUND_MS;
    const isOpen = r === LAST_ROUND - 1;
    return [
      { row, phase: 'keys', startMs, endMs: startMs + 5000, round: r + 1 },
      {
        ...{ row, phase: 'training', startMs: startMs + 5000, round: r + 1 },
        endMs: isOpen ? undefined : startMs + 20_000 + 100 * i,
      },
    ];
  }).flat(),
);

/** A round more for every press, as a live run has it. */
function LiveCurve() {
  const [rounds, setRounds] = useState(4);
  const points = Array.from({ length: rounds }, (_, i) => ({ x: i + 1, y: 1 / (i + 1) }));
  return (
    <>
      <Button
        onPress={() => {
          setRounds(rounds + 1);
        }}
      >
        One more round
      </Button>
      <CurveChart
        title="Loss"
        fileName="loss"
        x={{ label: 'Round', isWhole: true }}
        y={{ label: 'Loss' }}
        series={[
          { name: HOSTILE, points: points.map(({ x, y }) => ({ x, y, low: y / 2, high: 2 * y })) },
          { name: 'training', points: points.map(({ x, y }) => ({ x, y: y / 4 })) },
        ]}
        empty="Nothing yet."
      />
    </>
  );
}

function Gallery() {
  return (
    <main className="page">
      <h1>Charts</h1>
      <Button
        onPress={() => {
          chooseTheme('dark');
        }}
      >
        Dark
      </Button>
      <LiveCurve />
      <CurveChart
        title="Nothing"
        fileName="nothing"
        x={{ label: 'Round' }}
        y={{ label: 'Loss' }}
        series={[]}
        empty="No round has been published yet."
      />
      <ConfusionMatrix
        classNames={CLASSES}
        counts={[
          [90, 10],
          [5, 45],
        ]}
        fileName="confusion"
      />
      <RocChart
        curves={[
          {
            ...{ name: HOSTILE, auc: { value: 0.9 } },
            points: [
              [0, 0],
              [0.2, 0.8],
              [1, 1],
            ],
          },
        ]}
        fileName="roc"
      />
      <CalibrationChart
        curves={[
          {
            ...{ name: 'model', error: 0.05 },
            bins: [
              { low: 0, high: 0.5, count: 0, confidence: undefined, accuracy: undefined },
              { low: 0.5, high: 1, count: 70, confidence: 0.8, accuracy: 0.75 },
            ],
          },
        ]}
        fileName="calibration"
      />
      <IntervalBars
        title="Accuracy by site"
        fileName="sites"
        axis="Accuracy"
        domain={[0, 1]}
        rows={[{ label: HOSTILE, value: 0.8, low: 0.7, high: 0.9 }]}
        empty="Nothing yet."
      />
      <HeatMap
        title="Images by class"
        fileName="partition"
        rowTitle="Site"
        columnTitle="Class"
        columns={CLASSES}
        rows={SITES.map((label, i) => ({ label, values: [i, 200 - i] }))}
        empty="Nothing yet."
      />
      <PhaseTimeline
        title="Timeline"
        fileName="timeline"
        rows={SITES}
        spans={SPANS}
        phases={PHASES}
        nowMs={LAST_ROUND * ROUND_MS}
        empty="Nothing yet."
      />
    </main>
  );
}

const root = document.getElementById('root');
if (root) createRoot(root).render(<Gallery />);
