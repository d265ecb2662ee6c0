/** A plan in sentences, for the person who has to decide. */
import { PLAIN_PROTECTION_WARNING } from '../../shared/protocol/protection.ts';
import type { Plan } from '../../shared/protocol/plan.ts';

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

/** One sentence a line. */
export function summarisePlan(plan: Plan): readonly string[] {
  const { task, training, federation, architecture, parameterCount, evaluation } = plan;
  const [channels, height, width] = task.imageDims;
  const work =
    federation.localSteps === undefined
      ? `${String(training.epochs)} passes over the images`
      : `${String(federation.localSteps)} training steps`;
  const held = evaluation.localValidationFraction;
  return [
    `"${task.name}": a ${architecture.name} with ${String(parameterCount)} parameters learns to tell ${task.classNames.join(', ')} apart.`,
    `Images are brought to ${String(width)}×${String(height)}, ${channels === 1 ? 'grey' : 'colour'}; they stay in this building.`,
    `${String(federation.rounds)} rounds with at least ${String(federation.minimumCohort)} sites; in each, ${work} here (${federation.strategy.name}).`,
    held > 0
      ? `${String(Math.round(held * 100))} % of the patients are not trained on: the global model is judged with them here.`
      : 'All images are trained on.',
    protectionLine(plan),
  ];
}
