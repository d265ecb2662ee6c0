/** What is trained at the moment: how far it is, its loss, and what it runs on. */
import { Link } from 'wouter';
import { CurveChart } from '../../../../shared/ui/charts/curve-chart.tsx';
import { figure } from '../../../../shared/ui/format.ts';
import { Card, KeyValues } from '../../../../shared/ui/panels.tsx';
import { Progress } from '../../../../shared/ui/progress.tsx';
import { Empty } from '../../../../shared/ui/states.tsx';
import { Count, Duration } from '../../../../shared/ui/values.tsx';
import type { TrainingNow } from '../../../agent/site-monitor.ts';
import type { StateView } from '../../views.ts';
import { PHASE_WORDS } from '../words.ts';

/** Of the card in every state, so that nothing moves when training begins or ends. */
const CHART_HEIGHT = 220;

export function TrainingCard({ state }: { readonly state: StateView }) {
  const { now } = state;
  const round = now?.round;
  const training = now?.training;
  const detail = round
    ? `Run ${round.runId}, round ${String(round.round)}: ${PHASE_WORDS[round.phase]}.`
    : 'The site is in no round.';
  const shown = training ?? now?.lastTraining;
  return (
    <Card title="Training now" detail={detail}>
      {shown ? (
        <Training training={shown} state={state} />
      ) : (
        <Empty title="Nothing is being trained at the moment">{whatNext(state)}</Empty>
      )}
    </Card>
  );
}

interface TrainingProps {
  readonly training: TrainingNow;
  readonly state: StateView;
}

/** The present training, or the last one until the next begins: the card keeps its size. */
function Training({ training, state }: TrainingProps) {
  const { steps, totalSteps, losses, device, seconds, planName, runId, round } = training;
  const isNow = state.now?.training !== null;
  const last = state.now?.lastTrained;
  return (
    <div className="stack tight">
      <p className="training-line">{isNow ? 'Local training is under way.' : whatNext(state)}</p>
      <Progress
        label={`${isNow ? '' : 'Last: '}plan ${planName}, run ${runId}, round ${String(round)}`}
        value={steps}
        max={totalSteps ?? 1}
        detail={
          totalSteps === undefined
            ? 'the images are being read'
            : `${String(steps)} of ${String(totalSteps)} steps`
        }
      />
      <div className="training-chart">
        <CurveChart
          title="Loss of each batch in this round"
          fileName="loss-of-this-round"
          x={{ label: 'step', isWhole: true, ...(totalSteps !== undefined && { domain: [1, totalSteps] }) }}
          y={{ label: 'loss (nats)' }}
          series={[{ name: 'Loss', points: losses.map(({ step, loss }) => ({ x: step, y: loss })) }]}
          height={CHART_HEIGHT}
          empty="The first step is not done yet."
        />
      </div>
      <KeyValues
        pairs={[
          ['Runs on', device ?? 'not known yet'],
          ['For', <Duration key="time" ms={1000 * seconds} />],
          [
            'Round before',
            last ? (
              <span key="last">
                <Count value={last.exampleCount} /> images, mean loss {figure(last.meanLoss)} nats
              </span>
            ) : (
              'none yet'
            ),
          ],
        ]}
      />
    </div>
  );
}

function whatNext(state: StateView) {
  if (state.agent === 'not-running') return <>Start the agent: consilium site start.</>;
  if (state.policy.approvedPlans === 0)
    return (
      <>
        No plan is approved here. <Link href="/plans">Look at the plans</Link> and decide.
      </>
    );
  if (state.now && state.now.link.kind !== 'connected')
    return <>The coordinator is not reached; the agent goes on trying by itself.</>;
  return <>The coordinator asks for the next round; nothing is to be done here.</>;
}
