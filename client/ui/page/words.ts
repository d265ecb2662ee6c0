/** The states of the agent in words. */
import type { RoundPhase } from '../../agent/site-monitor.ts';
import type { BenefitRow } from '../../training/benefit.ts';
import type { AgentStatus, PlanState } from '../views.ts';

type Tone = 'neutral' | 'good' | 'warn' | 'bad' | 'info';

export const AGENT_WORDS: Readonly<Record<AgentStatus, { readonly words: string; readonly detail: string }>> =
  {
    running: { words: 'Running', detail: 'answers the coordinator' },
    elsewhere: { words: 'Running', detail: 'in another process' },
    stopping: { words: 'Stopping', detail: 'ends by itself' },
    'not-running': { words: 'Not running', detail: 'takes part in nothing' },
  };

export const PHASE_WORDS: Readonly<Record<RoundPhase, string>> = {
  joined: 'takes part, waiting for the model',
  counting: 'counts the images of each class',
  training: 'trains',
  sent: 'has trained, sends its update',
  accepted: 'its update has arrived',
};

export const PLAN_WORDS: Readonly<Record<PlanState, { readonly words: string; readonly tone: Tone }>> = {
  approved: { words: 'approved', tone: 'good' },
  proposed: { words: 'one of two has approved', tone: 'warn' },
  refused: { words: 'refused', tone: 'neutral' },
  undecided: { words: 'waits for a decision', tone: 'info' },
};

export const BENEFIT_WORDS: Readonly<Record<BenefitRow['model'], string>> = {
  local: 'Ours alone',
  federated: 'The federation’s',
  finetuned: 'The federation’s, trained further on our images',
};
