/** What a plan does for privacy, as people are shown it. */
import type { Plan } from '../../../shared/protocol/plan.ts';
import { PLAIN_PROTECTION_WARNING } from '../../../shared/protocol/protection.ts';
import { thresholdFor } from '../../../shared/protocol/masking-context.ts';
import type { PrivacyView } from './run-views.ts';

function sentencesOf({ protection, federation }: Plan): string[] {
  switch (protection.mode) {
    case 'secure-aggregation':
      return [
        `Updates are masked: the coordinator learns the sum of at least ${String(federation.minimumSurvivors)} sites' updates and no single one.`,
        'Model weights may still hold traces of single images: differential privacy is what bounds that.',
      ];
    case 'box':
      return ["Updates are encrypted for the coordinator, which sees each site's update."];
    case 'plain':
      return [PLAIN_PROTECTION_WARNING];
  }
}

export function privacyView(plan: Plan): PrivacyView {
  const { protection, federation } = plan;
  const { minimumCohort, minimumSurvivors } = federation;
  return {
    ...{ mode: protection.mode, isSecureAggregation: protection.mode === 'secure-aggregation' },
    ...{ minimumCohort, minimumSurvivors },
    threshold: thresholdFor(protection, minimumCohort) ?? null,
    ringBits: protection.ring?.bits ?? null,
    clipL2Norm: protection.ring?.clipL2Norm ?? null,
    epsilon: null,
    delta: null,
    summary: [...sentencesOf(plan), 'The plan asks for no differential privacy: no ε is spent or promised.'],
  };
}
