/** What the hospital has of it: how the federation's model does on our own held-back patients, against ours alone. */
import { Page } from '../../../../shared/ui/app-shell.tsx';
import { Button } from '../../../../shared/ui/button.tsx';
import { CurveChart } from '../../../../shared/ui/charts/curve-chart.tsx';
import { IntervalBars } from '../../../../shared/ui/charts/interval-bars.tsx';
import { DataTable } from '../../../../shared/ui/data-table.tsx';
import { useAct, useGet } from '../../../../shared/ui/data.tsx';
import { percent } from '../../../../shared/ui/format.ts';
import { Card, Note } from '../../../../shared/ui/panels.tsx';
import { Empty, Loaded } from '../../../../shared/ui/states.tsx';
import { Count, FigureValue, Time } from '../../../../shared/ui/values.tsx';
import type { BenefitResult, BenefitView, TrainingView } from '../../views.ts';
import { BENEFIT, TRAINING } from '../paths.ts';
import { useRefusal } from '../session.tsx';
import { BENEFIT_WORDS } from '../words.ts';

export function BenefitPage() {
  const training = useGet(TRAINING, ['training']);
  const benefit = useGet(BENEFIT, ['benefit', 'training']);
  return (
    <Page
      title="Our benefit"
      lead="Whether taking part is worth it for this hospital, judged on our own patients who are not trained on."
    >
      <Loaded query={benefit} what="The comparison" rows={3} rowHeight={80}>
        {(answer) => <Comparison benefit={answer} />}
      </Loaded>
      <Loaded query={training} what="The rounds" rows={3} rowHeight={120}>
        {(answer) => <Rounds training={answer} />}
      </Loaded>
    </Page>
  );
}

function Comparison({ benefit }: { readonly benefit: BenefitView }) {
  const refusal = useRefusal();
  const compute = useAct((api) => api.send('post', BENEFIT, {}));
  const { missing, subject, isRunning, problem, result } = benefit;
  return (
    <Card
      title="Ours alone, or together?"
      detail="Three models on the same images of this hospital, which none of them was trained on."
      actions={
        <Button
          isBusy={compute.isBusy || isRunning}
          disabledReason={refusal ?? missing ?? undefined}
          onPress={() => {
            compute.start();
          }}
        >
          {isRunning ? 'Comparing…' : 'Compare now'}
        </Button>
      }
    >
      <div className="stack tight" aria-live="polite">
        {problem !== null && (
          <Note tone="bad" title="The comparison failed">
            <p>{problem}</p>
          </Note>
        )}
        {isRunning && (
          <Note title="Comparing">
            <p>
              A model of our own is trained on this machine, beside the rounds. That takes as long as the
              rounds so far.
            </p>
          </Note>
        )}
        {result ? (
          <Result result={result} />
        ) : (
          <Empty title="Not compared yet">
            {missing ??
              `Compare the model of run ${subject?.runId ?? ''}, round ${String(subject?.round ?? 0)}. It trains on this machine for a while; nothing leaves it.`}
          </Empty>
        )}
        {result && missing !== null && <p className="quiet small">{missing}</p>}
      </div>
    </Card>
  );
}

function Result({ result }: { readonly result: BenefitResult }) {
  const { rows, images, patients, runId, round, planName, time } = result;
  return (
    <div className="stack tight">
      <DataTable
        caption="Accuracy and AUC of three models on our own held-back images"
        rows={rows}
        rowKey={({ model }) => model}
        empty={null}
        columns={[
          {
            key: 'model',
            header: 'Model',
            isRowHeader: true,
            wraps: true,
            cell: ({ model }) => BENEFIT_WORDS[model],
          },
          {
            ...{ key: 'accuracy', header: 'Accuracy (95 %)', width: 190, isNumber: true },
            cell: ({ accuracy }) => <FigureValue value={accuracy.value} interval={accuracy} />,
          },
          {
            ...{ key: 'auc', header: 'AUC (95 %)', width: 190, isNumber: true },
            cell: ({ auc }) => <FigureValue value={auc?.value} interval={auc} />,
          },
        ]}
      />
      <IntervalBars
        title="Accuracy on our own held-back images"
        fileName="our-benefit"
        axis="accuracy"
        domain={[0, 1]}
        rows={rows.map(({ model, accuracy: { value, low, high } }) => ({
          label: BENEFIT_WORDS[model],
          value,
          low,
          high,
        }))}
        empty="There is nothing to compare."
      />
      <p className="quiet small">
        On <Count value={images} /> images of <Count value={patients} /> patients; run {runId}, the model that
        round {String(round)} started from, plan {planName}; computed <Time at={time} />. Where intervals
        overlap much, the difference may be chance.
      </p>
    </div>
  );
}

function Rounds({ training: { rounds } }: { readonly training: TrainingView }) {
  const runs = [...new Set(rounds.map(({ runId }) => runId))];
  const judged = rounds.filter(({ validation }) => validation !== null);
  return (
    <>
      <Card
        title="The federation's model on our patients"
        detail="Every round begins with the shared model being judged on the images that this hospital holds back."
      >
        <CurveChart
          title="Accuracy of the federation's model on our held-back images"
          fileName="accuracy-on-our-images"
          x={{ label: 'round', isWhole: true }}
          y={{ label: 'accuracy', format: (value) => percent(value) }}
          series={runs.map((runId) => ({
            name: `Run ${runId}`,
            points: judged
              .filter((round) => round.runId === runId)
              .map(({ round, validation }) => ({
                ...{ x: round, y: validation?.accuracy.value },
                ...{ low: validation?.accuracy.low, high: validation?.accuracy.high },
              })),
          }))}
          empty="No round was judged here yet. A plan that holds images back (evaluation.localValidationFraction) is judged in every round."
        />
      </Card>
      <Card title="Our training" detail="Mean loss over our own training images, round by round.">
        <CurveChart
          title="Mean loss of local training"
          fileName="loss-of-local-training"
          x={{ label: 'round', isWhole: true }}
          y={{ label: 'loss (nats)' }}
          series={runs.map((runId) => ({
            name: `Run ${runId}`,
            points: rounds
              .filter((round) => round.runId === runId)
              .map(({ round, meanLoss }) => ({ x: round, y: meanLoss })),
          }))}
          empty="Nothing was trained here yet. When the site takes part in a round, its loss appears here."
        />
      </Card>
    </>
  );
}
