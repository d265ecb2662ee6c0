/** A plan in sentences, for the person who has to decide. */
import { needsClassCounts } from './class-counts.ts';
import { PLAIN_PROTECTION_WARNING } from './protection.ts';
import type { Plan } from './plan.ts';

function protectionLine({ protection, federation }: Plan): string {
  switch (protection.mode) {
    case 'secure-aggregation':
      return `Updates are masked: the coordinator learns the sum of at least ${String(federation.minimumSurvivors)} sites' updates and no single one.`;
    case 'box':
      return "Updates are encrypted for the coordinator, which sees each site's update.";
    case 'plain':
      return PLAIN_PROTECTION_WARNING;
  }
}

function networkText({ architecture, parameterCount }: Plan): string {
  const size = `with ${String(parameterCount)} parameters`;
  return architecture ? `a ${architecture.name} ${size}` : `a model that exists already, ${size},`;
}

function transferLines({ initialModel, parameterCount, protection }: Plan): string[] {
  if (!initialModel) return [];
  const { sha512, byteLength, freeze, unfreezeAtRound, bodyRateFactor, trainableCount } = initialModel;
  const file = `It starts from the file ${sha512.slice(0, 16)}… (${String(byteLength)} bytes), which this site fetches once from the coordinator and checks by that digest.`;
  const until = unfreezeAtRound === undefined ? '' : ` before round ${String(unfreezeAtRound)}`;
  const hidden = protection.mode === 'secure-aggregation' ? 'sent, masked or trained' : 'sent or trained';
  const frozen =
    freeze.length === 0
      ? 'All of it is trained.'
      : `${String(parameterCount - trainableCount)} of its parameters (${freeze.join(', ')}) keep their values${until}: they are not ${hidden}.`;
  const rate =
    bodyRateFactor === 1
      ? []
      : [`Everything but its last layer learns at ${String(bodyRateFactor)} of the learning rate.`];
  return [file, frozen, ...rate];
}

/** What is counted before training, and who sees it. */
function countsLines({ training, protection }: Plan): string[] {
  if (!needsClassCounts({ training })) return [];
  const uses = [
    ...(training.classWeighting.kind === 'federated' ? ['weigh the classes'] : []),
    ...(training.logitAdjustmentTau > 0 ? ['adjust the model for how frequent the classes are'] : []),
  ];
  const seen =
    protection.mode === 'secure-aggregation'
      ? 'the coordinator learns the sum over the sites, not the numbers of this one'
      : 'they are encrypted for the coordinator, which sees the numbers of this site';
  return [
    `Before training the images of each class are counted once, to ${uses.join(' and to ')}: ${seen}. All sites are told the sums.`,
  ];
}

/** One sentence a line. */
export function summarisePlan(plan: Plan): readonly string[] {
  const { task, training, federation, evaluation } = plan;
  const [channels, height, width] = task.imageDims;
  const work =
    federation.localSteps === undefined
      ? `${String(training.epochs)} passes over the images`
      : `${String(federation.localSteps)} training steps`;
  const held = evaluation.localValidationFraction;
  return [
    `"${task.name}": ${networkText(plan)} learns to tell ${task.classNames.join(', ')} apart.`,
    ...transferLines(plan),
    `Images are brought to ${String(width)}×${String(height)}, ${channels === 1 ? 'grey' : 'colour'}; they stay in this building.`,
    `${String(federation.rounds)} rounds with at least ${String(federation.minimumCohort)} sites; in each, ${work} here (${federation.strategy.name}).`,
    held > 0
      ? `${String(Math.round(held * 100))} % of the patients are not trained on: the global model is judged with them here.`
      : 'All images are trained on.',
    ...countsLines(plan),
    protectionLine(plan),
  ];
}
